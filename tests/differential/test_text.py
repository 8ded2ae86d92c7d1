"""Our reading of configuration files against Python's configparser, and our splitting of commands
against the shell's, on generated text. SUBUNIT_BUILD is the build directory (default: build).
"""

import configparser
import json
import os
import pathlib
import random
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SUBUNIT_BUILD", ROOT / "build")).resolve() / "tests" / "text_values"

NAME = "key"


def ours(requests):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    result = subprocess.run([PROGRAM], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(answers) == len(requests)
    return answers


def pythons(text):
    """The value, None, or an exception."""
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
        return parser.get("DEFAULT", NAME)
    except configparser.NoOptionError:
        return None
    except configparser.Error as error:
        return error


def generated_config(random_):
    pieces = [
        "[DEFAULT]", "[other]", "[DEFAULT]]", "[]", "[", "key=1", "key = a b ", "KEY: 2", "key:",
        "key", "other=%%", "other = %(key)s", "third=%(other)s", "key=%(third)s x", "key=%(other)s",
        "key=%d", "key=%", "key=%(x)", "key=%()s", "# comment", "; comment", "key=1 # 2", "key=1 ; 2",
        "=", ":", "= 5", "word", "", "", "value = more", "a=b=c", "key==", "key:=1", "x" * 300 + "=1",
        "key=" + "y" * 300,
    ]
    indents = ["", "", "", "", " ", "  ", "\t", "    "]
    ends = ["\n", "\n", "\n", " \n", "\r\n"]
    lines = [
        random_.choice(indents) + random_.choice(pieces) + random_.choice(ends)
        for _ in range(random_.randrange(1, 7))
    ]
    return random_.choice(["", "[DEFAULT]\n", "[DEFAULT]\n"]) + "".join(lines)


def test_configuration_files_say_what_they_say_to_python():
    random_ = random.Random(20)
    texts = [generated_config(random_) for _ in range(20_000)]
    seen = {"value": 0, "nothing": 0, "error": 0}
    for text, answer in zip(texts, ours([{"config": text, "name": NAME} for text in texts])):
        wanted = pythons(text)
        if isinstance(
            wanted, (configparser.DuplicateOptionError, configparser.DuplicateSectionError)
        ):
            if wanted.section != "DEFAULT":
                continue  # what is in other sections is not our business
        if isinstance(wanted, configparser.Error):
            seen["error"] += 1
            assert "error" in answer, (text, answer, wanted)
        else:
            seen["nothing" if wanted is None else "value"] += 1
            assert answer == {"value": wanted}, (text, answer, wanted)
    assert all(count > 1000 for count in seen.values()), seen


# In the shell each of these would do something that we leave alone.
SHELL_ONLY = set("$`*?[]~|&;<>(){}!=")


def shells(texts):
    """The words of each text, as the shell splits it; None if it says that the text is wrong."""
    show = 'show() { for word do printf "%s\\037" "$word"; done; printf "\\036"; }\n'
    answers = []
    for text in texts:
        script = show + "show " + text + "\n"
        result = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        answers.append(None if result.stderr else result.stdout.split("\036")[0].split("\037")[:-1])
    return answers


def test_commands_are_split_as_the_shell_does_it():
    random_ = random.Random(20)
    alphabet = ["a", "b", "é", " ", " ", "\t", "'", '"', "\\", "#", "-", "%", "\\\n", '\\"', "\\'"]
    assert not SHELL_ONLY & set("".join(alphabet))
    texts = [
        "".join(random_.choice(alphabet) for _ in range(random_.randrange(1, 12)))
        for _ in range(1500)
    ]
    # The shell takes a backslash at the very end for itself, which helps nobody. Behind a line feed
    # without a backslash, and behind a comment, another command would begin, which is not show.
    another = re.compile(r"(?<!\\)(\\\\)*\n|#.*\n")
    texts = [text for text in texts if not text.endswith("\\") and not another.search(text)]
    seen = {"words": 0, "error": 0}
    for text, answer, wanted in zip(texts, ours([{"commands": t} for t in texts]), shells(texts)):
        if wanted is None:
            seen["error"] += 1
            assert "error" in answer, (text, answer)
        else:
            seen["words"] += 1
            assert answer == {"value": [wanted] if wanted else []}, (text, answer, wanted)
    assert all(count > 200 for count in seen.values()), seen
