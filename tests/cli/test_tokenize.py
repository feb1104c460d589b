# SPDX-License-Identifier: Apache-2.0
"""`heddle tokenize`: ids on one line, text from standard input as it is, and the way back."""
import unittest

from program import MODEL, WITHOUT_MODEL, Case, main, run

TEXTS = ["Once upon a time", " two  spaces ", "line\nbreaks\n\n", "tab\tand Zoë, 日本, \U0001f98a!", "", "x" * 5000]


@unittest.skipUnless(MODEL, WITHOUT_MODEL)
class Tokenize(Case):
    def ids(self, text, *more):
        result = run("tokenize", "-m", MODEL, *more, stdin=text.encode())
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout

    def test_one_line_of_ids(self):
        line = self.ids("Once upon a time")
        self.assertRegex(line, rb"^\d+( \d+)*\n$")
        self.assertEqual(self.ids("", "--no-special"), b"\n")

    def test_every_byte_of_the_input_counts(self):
        self.assertNotEqual(self.ids("time"), self.ids("time\n"))
        self.assertEqual(self.ids("time"), run("tokenize", "-m", MODEL, "-p", "time").stdout)

    def test_there_and_back(self):
        for text in TEXTS:
            for more in [[], ["--no-special"]]:
                with self.subTest(text=text[:20], more=more):
                    back = run("tokenize", "-m", MODEL, "--decode", *more, stdin=self.ids(text, *more))
                    self.assertEqual((back.returncode, back.stdout.decode()), (0, text))

    def test_pieces(self):
        lines = self.ids("Once upon", "--pieces", "--no-special").decode().splitlines()
        self.assertEqual([line.split("\t")[0] for line in lines], self.ids("Once upon", "--no-special").decode().split())

    def test_ids_that_are_none(self):
        def decode(text):
            return run("tokenize", "-m", MODEL, "--decode", stdin=text)

        self.failed_with(decode(b"1 two 3"), 1, '"two"')
        self.failed_with(decode(b"1 -2"), 1, '"-2"')
        self.failed_with(decode(b"5000000000"), 1, "5000000000")
        self.failed_with(decode(b"12\x003"), 1)
        result = decode(b"2000000000")
        self.assertNotEqual(result.returncode, 0)
        self.one_sentence(result.stderr.decode())
        self.assertEqual(decode(b"").stdout, b"")

    def test_bytes_that_are_no_text(self):
        result = run("tokenize", "-m", MODEL, stdin=bytes(range(256)))
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    main()
