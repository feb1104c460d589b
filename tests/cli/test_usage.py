# SPDX-License-Identifier: Apache-2.0
"""Help, and wrong command lines: what was wrong is said in one sentence, and scripts see exit code 2."""

from program import Case, main, run


class Help(Case):
    def test_help_is_a_result(self):
        for arguments in [["--help"], ["-h"], ["help"]]:
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            for command in [b"run", b"inspect", b"tokenize", b"bench", b"simulate", b"devices"]:
                self.assertIn(b"\n  " + command + b" ", result.stdout)

    def test_every_command_has_a_page(self):
        for command in ["run", "inspect", "tokenize", "bench", "simulate", "devices"]:
            page = run("help", command)
            self.assertEqual((page.returncode, page.stderr), (0, b""))
            self.assertIn(f"usage: heddle {command}".encode(), page.stdout)
            self.assertIn(b"examples\n", page.stdout)
            self.assertLessEqual(max(len(line) for line in page.stdout.decode().splitlines()), 120)
            self.assertEqual(run(command, "--help").stdout, page.stdout)
            self.assertEqual(run(command, "-h").stdout, page.stdout)

    def test_help_behind_an_option_is_its_value(self):
        self.failed_with(run("run", "-m", "--help", "-p", "x"), 3, "--help")

    def test_version(self):
        result = run("--version")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertRegex(result.stdout, rb"^heddle \d+\.\d+\.\d+\n$")

    def test_nothing_given(self):
        result = run()
        self.assertEqual((result.returncode, result.stdout), (2, b""))
        self.assertIn(b"usage: heddle COMMAND", result.stderr)


class WrongCommandLines(Case):
    def test_unknown_commands(self):
        self.failed_with(run("rnu"), 2, "rnu", "did you mean run?")
        self.failed_with(run("tokenise"), 2, "did you mean tokenize?")
        self.failed_with(run("help", "benhc"), 2, "did you mean bench?")
        far = run("quux")
        self.failed_with(far, 2, "quux")
        self.assertNotIn(b"did you mean", far.stderr)

    def test_unknown_options(self):
        self.failed_with(run("run", "--tmep", "1"), 2, "--tmep", "did you mean --temp?")
        self.failed_with(run("run", "--temperature=1"), 2, "--temperature", "did you mean --temp?")
        self.failed_with(run("run", "--zzzzzzzz"), 2, "--zzzzzzzz")
        self.failed_with(run("run", "-Z"), 2, "-Z")
        self.failed_with(run("run", "-qn"), 2, "-qn")
        self.failed_with(run("run", "story"), 2, "story", "-p")
        self.failed_with(run("run", ""), 2)
        self.failed_with(run("run", "--"), 2)

    def test_values(self):
        for option, value in [("-n", "many"), ("-n", "1.5"), ("-n", "-2"), ("-n", ""), ("-n", "99999999999999999999"),
                              ("--temp", "-1"), ("--temp", "hot"), ("--temp", "nan"), ("--temp", "inf"), ("--top-p", "1.1"),
                              ("--threads", "-1"), ("--threads", "4097"), ("--seed", "-1"), ("--seed", "0x10"),
                              ("--logprobs", "21"), ("--top-k", "-1"), ("--ctx", "1e3")]:
            with self.subTest(option=option, value=value):
                self.failed_with(run("run", option, value, "-p", "x"), 2, f'not "{value}"', "--help")
        self.failed_with(run("run", "-n"), 2, "--tokens", "value")
        self.failed_with(run("run", "--quiet=yes"), 2, "--quiet takes no value")
        self.failed_with(run("bench", "-p", "1,,2"), 2, "--prompt")
        self.failed_with(run("bench", "-p", "1,"), 2, "--prompt")
        self.failed_with(run("bench", "-p", ",".join(["1"] * 99)), 2, "--prompt")
        self.failed_with(run("run", *["--stop", "x"] * 65), 2, "--stop")
        self.failed_with(run("inspect", "--graph", "--plan"), 2, "one choice")

    def test_two_prompts(self):
        self.failed_with(run("run", "-p", "a", "-f", "b"), 2, "-p", "-f")

    def test_control_characters_do_not_reach_the_terminal(self):
        self.failed_with(run("run", "--\033[31mred\n"), 2, "?[31mred?")


class MissingThings(Case):
    def test_missing_model(self):
        for command in ["run", "inspect", "tokenize", "bench"]:
            self.failed_with(run(command, "-m", "/no/such/model", stdin=b"x"), 3, "/no/such/model")
        self.failed_with(run("run", "-p", "x", HEDDLE_MODEL="/no/such/model"), 3, "/no/such/model")

    def test_missing_prompt_file(self):
        self.failed_with(run("run", "-f", "/no/such/prompt"), 3, "/no/such/prompt", "No such file")
        self.failed_with(run("run", "-f", "/"), 3, "Is a directory")


if __name__ == "__main__":
    main()
