"""GoogleTest programs as test servers: what becomes of each test is what the program itself says."""

import xml.etree.ElementTree as tree

import pytest

import native
from native import MODES
import support
from support import says

OUTCOMES = "gtest_outcomes"
CRASHES = "Crash*"
FEW = ["Plain.Passes", "Typed/0.IsLarge"]


def client(*arguments, **more):
    return native.client(OUTCOMES, *arguments, **more)


def in_xml(path):
    """Test id to outcome, as GoogleTest writes it, messages that are not UTF-8 included."""
    outcomes = {}
    for case in tree.fromstring(path.read_bytes().decode(errors="replace")).iter("testcase"):
        if case.get("status") == "notrun":
            continue
        failed = case.find("failure") is not None
        outcome = "fail" if failed else {"completed": "success"}.get(case.get("result"), "skip")
        outcomes[f"{case.get('classname')}.{case.get('name')}"] = outcome
    return outcomes


@MODES
def test_outcomes_are_googletests(mode, tmp_path):
    chosen = f"--gtest_filter=-{CRASHES}"
    report = tmp_path / "report.xml"
    plain = native.directly(OUTCOMES, chosen, f"--gtest_output=xml:{report}")
    expected = in_xml(report)
    # GoogleTest has no outcome for these two, but that the program has failed.
    assert plain.returncode == 1
    assert {expected[f"NotSetUp.{name}"] for name in ("One", "Two")} == {"skip"}
    expected.update({"NotSetUp.One": "fail", "NotSetUp.Two": "fail"})
    expected["TearDownTestSuite (NotTornDown)"] = "fail"
    ended = client(chosen, mode=mode)
    ended.stream.assert_clean()
    assert ended.status == 1
    assert ended.stream.statuses == expected
    assert len(expected) > 15 and set(expected.values()) == {"success", "fail", "skip"}


@MODES
def test_what_a_test_tells_is_attached_and_what_it_prints_is_its_own(mode):
    stream = client(f"--gtest_filter=-{CRASHES}", mode=mode).stream
    assert stream.output("Plain.Passes", "stdout") == b"printed by C++\nprinted by C\n"
    assert stream.file("Plain.Passes", "properties") == b"colour: blue\nsize: 3\n"
    failure = stream.file("Plain.FailsTwice", "failure").decode()
    says(failure, "gtest_outcomes.cc:", "first", "second", "in the second part")
    assert stream.file("Plain.Skips", "reason") == b"not on this board"
    assert b"\xff\xfe, which are no UTF-8" in stream.file("Plain.FailsWithBytes", "failure.raw")
    assert stream.file("Few/Valued.IsOdd/1", "parameter") == b"GetParam() = 2\n"
    assert stream.file("Typed/1.IsLarge", "parameter") == b"TypeParam = unsigned char\n"
    says(stream.details("NotSetUp.Two"), "no database", "gtest_outcomes.cc:")
    assert stream.output("Shared.One", "stdout") == b"one\n"
    assert stream.output("Shared.Two", "stdout") == b"two\n"
    assert stream.output(None, "stdout") == b"environment begins\nsuite begins\nsuite ends\n"


@pytest.mark.parametrize("mode", ["fork", "threads"])
def test_what_ends_the_process_costs_the_test_in_progress(mode):
    ended = client("--gtest_filter=Crash*-Crash.Hangs", mode=mode, **native.NO_HANDLER)
    assert ended.status == 1
    stream = ended.stream
    assert stream.statuses == {
        "Crash.Segfaults": "fail",
        "Crash.Exits": "fail",
        "Crash.DoesNotFollow": "success",
        "Crash.Forks": "success",
        "CrashInSetUp.One": "fail",
        "CrashInSetUp.Two": "fail",
        "CrashInTearDown.One": "success",
        "TearDownTestSuite (CrashInTearDown)": "fail",
    }
    says(stream.details("Crash.Segfaults"), "SIGSEGV")
    assert stream.output("Crash.Segfaults", "stdout") == b"last words\n"
    says(stream.details("Crash.Exits"), "exited with status 0")
    says(stream.details("CrashInSetUp.Two"), "SIGABRT", "SetUpTestSuite (CrashInSetUp)")
    says(stream.details("TearDownTestSuite (CrashInTearDown)"), "SIGABRT")


@MODES
def test_a_copy_of_the_process_that_a_test_has_forked_reports_nothing(mode):
    chosen = ["Crash.DoesNotFollow", "Crash.Forks", "Gated.Follows"]
    stream = client(tests=chosen, mode=mode).stream
    stream.assert_clean()
    assert stream.statuses == dict.fromkeys(chosen, "success")
    assert stream.all_output("stdout").count(b"followed") == 1
    says(stream.output("Crash.Forks", "stderr").decode(), "in the copy")


@MODES
@pytest.mark.parametrize("what, status, words", [
    ("FAILS", "fail", "no network"), ("SKIPS", "skip", "no hardware"),
])
def test_an_environment_that_is_not_set_up_is_the_outcome_of_all_tests(what, status, words, mode):
    plain = native.directly(OUTCOMES, "--gtest_filter=Plain.Passes", **{f"ENVIRONMENT_{what}": "1"})
    ended = client(tests=FEW, mode=mode, **{f"ENVIRONMENT_{what}": "1"})
    assert ended.stream.statuses == dict.fromkeys(FEW, status)
    for test_id in FEW:
        says(ended.stream.details(test_id), words)
    assert ended.status == plain.returncode


@pytest.mark.parametrize("variable, fixture, words", [
    ("ENVIRONMENT_COMPLAINS", "Environment::SetUp", "odd clock"),
    ("TEAR_DOWN_FAILS", "Environment::TearDown", "left over"),
    ("TEAR_DOWN_CRASHES", "Environment::TearDown", "SIGABRT"),
])
def test_what_fails_beside_the_tests_has_an_id_of_its_own(variable, fixture, words):
    ended = client(tests=FEW, **{variable: "1"})
    assert ended.status == 1
    assert ended.stream.statuses == {**dict.fromkeys(FEW, "success"), fixture: "fail"}
    says(ended.stream.details(fixture), words)


def test_an_environment_that_crashes_is_tried_twice():
    ended = client(tests=FEW, ENVIRONMENT_CRASHES="1")
    assert ended.stream.statuses == dict.fromkeys(FEW, "fail")
    for test_id in FEW:
        says(ended.stream.details(test_id), "SIGABRT", "Environment::SetUp", "twice")


def test_what_is_listed_is_what_the_filter_takes():
    def listed(*arguments):
        ended = support.client("--list", "--format", "subunit",
                               channel=support.serving(*native.command(OUTCOMES, *arguments)))
        return ended.stream.listed

    assert listed("--gtest_filter=Plain.*-*Fails*:*Throws") == [
        "Plain.Passes", "Plain.Skips", "Plain.IsFirst"
    ]
    assert listed("--gtest_filter=*DISABLED*") == []
    disabled = ["Plain.DISABLED_IsNotRun", "DISABLED_Suite.IsNotRun"]
    assert listed("--gtest_filter=*DISABLED*", "--gtest_also_run_disabled_tests") == disabled
    assert "Strange/std::vector<a*b-c>.Name" in listed()


def test_a_disabled_test_is_skipped_if_asked_for_unless_flags_say_otherwise():
    disabled = ["Plain.DISABLED_IsNotRun", "DISABLED_Suite.IsNotRun"]
    ended = client(tests=disabled)
    assert ended.stream.statuses == dict.fromkeys(disabled, "skip")
    assert ended.stream.file(disabled[0], "reason") == b"disabled"
    ended = client("--gtest_also_run_disabled_tests", tests=disabled)
    assert ended.stream.statuses == dict.fromkeys(disabled, "fail")


def test_a_name_with_characters_of_a_filter_is_taken_literally():
    name = "Strange/std::vector<a*b-c>.Name"
    assert client(tests=[name]).stream.statuses == {name: "success"}


def test_flags_that_are_the_clients_business_are_ignored_and_named(tmp_path):
    report = tmp_path / "report.xml"
    flags = ["repeat=3", "shuffle", "fail_fast", "list_tests", f"output=xml:{report}"]
    ended = client(*(f"--gtest_{flag}" for flag in flags), tests=FEW, GTEST_TOTAL_SHARDS="2",
                   GTEST_SHARD_INDEX="1")
    assert ended.stream.statuses == dict.fromkeys(FEW, "success")
    assert not report.exists()
    said = ended.stream.all_output("stderr").decode()
    for flag in flags:
        says(said, f"--gtest_{flag.partition('=')[0]} is ignored")
    says(said, "GTEST_TOTAL_SHARDS is ignored")


def test_without_the_option_the_program_is_what_it_was():
    plain = native.directly(OUTCOMES, "--gtest_filter=Shared.*", "--no-fork")
    assert plain.returncode == 0
    says(plain.stdout.decode(), "[  PASSED  ] 2 tests.")
    says(native.directly(OUTCOMES, "--gtest_list_tests").stdout.decode(), "Shared.\n  One\n  Two\n")


def test_the_example_that_one_copies_works():
    ended = native.client("gtest_example")
    assert ended.status == 0
    assert ended.stream.statuses["Small/Squares.ArePositive/2"] == "skip"
    printed = ended.stream.output("Stack.ReturnsWhatCameLast", "stdout")
    assert printed == b"the stack has 2 numbers\n"
