# SPDX-License-Identifier: Apache-2.0
"""How commands end when the world around them ends first: Ctrl-C, a reader that goes away, a closed or full output."""
import os
import signal
import subprocess
import time
import unittest

from program import MODEL, PROGRAM, WITHOUT_MODEL, Case, environment, main, run

LONG = ["run", "-m", str(MODEL), "-p", "Once upon a time", "-n", "-1", "--temp", "1", "--seed", "1", "--ignore-eos"]


def start(arguments, **how):
    return subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(), **how)


@unittest.skipUnless(MODEL, WITHOUT_MODEL)
class Interrupted(Case):
    def interrupt(self, number, expected):
        # A pipe of one page that nobody reads: the program cannot be done before the signal comes.
        process = start(LONG, stdout=subprocess.PIPE, pipesize=4096)
        first = process.stdout.read(len("Once upon a time") + 1)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
        if process.returncode == 0:
            self.skipTest("the model was done before the signal came")
        self.assertEqual(process.returncode, expected, errors)
        self.assertTrue((first + rest).startswith(b"Once upon a time"))
        return errors.decode()

    def test_ctrl_c(self):
        errors = self.interrupt(signal.SIGINT, 130)
        self.assertIn("tokens/s", errors)
        self.assertEqual(errors.count("\n"), 1, errors)

    def test_terminated(self):
        self.interrupt(signal.SIGTERM, 143)

    def test_while_waiting_for_the_prompt(self):
        process = subprocess.Popen([PROGRAM, "tokenize", "-m", str(MODEL)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment())
        time.sleep(0.7)  # it has opened the tokenizer and reads
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, output, errors), (130, b"", b""))


@unittest.skipUnless(MODEL, WITHOUT_MODEL)
class OutputGone(Case):
    def test_the_reader_goes_away(self):
        for arguments in [LONG, ["inspect", "-m", str(MODEL), "--tensors"], ["tokenize", "-m", str(MODEL), "-p", "a b c"]]:
            read, write = os.pipe()
            os.close(read)
            process = start(arguments, stdout=write)
            os.close(write)
            _, errors = process.communicate(timeout=120)
            self.assertEqual((process.returncode, errors), (0, b""), arguments)

    def test_the_reader_goes_away_in_the_middle(self):
        process = start(LONG, stdout=subprocess.PIPE)
        process.stdout.read(30)
        process.stdout.close()
        errors = process.stderr.read()
        self.assertEqual(process.wait(timeout=120), 0)
        self.assertNotIn(b"rror", errors)
        process.stderr.close()

    def closed(self, arguments):
        return subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", PROGRAM, *arguments], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, env=environment(), timeout=120)

    def test_closed_output(self):
        for arguments in [LONG, LONG + ["--json", "-n", "4"], ["inspect", "-m", str(MODEL)], ["tokenize", "-m", str(MODEL), "-p", "a"]]:
            result = self.closed(arguments)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertIn(b"cannot write to standard output", result.stderr)
            self.one_sentence(result.stderr.decode())

    def test_full_output(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([PROGRAM, *LONG], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                    env=environment(), timeout=120)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"No space left", result.stderr)

    def test_closed_input(self):
        result = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", PROGRAM, "tokenize", "-m", str(MODEL)], capture_output=True,
                                env=environment(), timeout=120)
        self.assertEqual(result.returncode, 3)
        self.one_sentence(result.stderr.decode())


if __name__ == "__main__":
    main()
