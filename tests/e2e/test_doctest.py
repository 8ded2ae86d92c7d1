"""doctest programs as test servers: what becomes of each test is what the program itself says."""

import xml.etree.ElementTree as tree

import pytest

import native
from native import MODES
import support
from support import says

OUTCOMES = "doctest_outcomes"
NO_CRASHES = "-tse=crash"
NAMESAKES = {"doctest_namesake.cc: namesake": "fail", "doctest_outcomes.cc: namesake": "success"}


def client(*arguments, **more):
    return native.client(OUTCOMES, *arguments, **more)


def in_xml(report):
    """Test id to whether it was skipped, or whether doctest counts it as passed."""
    outcomes = {}
    for case in tree.fromstring(report.decode(errors="replace")).iter("TestCase"):
        name, path = case.get("name"), case.get("filename")
        if name == "namesake":
            name = f"{path.rpartition('/')[2]}: {name}"
        elif name == "is larger<number>":
            name = f"{path}:{case.get('line')}: {name}"
            if name in outcomes:
                name += " #2"
        result = case.find("OverallResultsAsserts")
        outcomes[name] = (
            "skip" if case.get("skipped") else result.get("test_case_success") == "true"
        )
    return outcomes


@MODES
def test_outcomes_are_doctests(mode):
    plain = native.directly(OUTCOMES, NO_CRASHES, "--reporters=xml")
    expected = in_xml(plain.stdout)
    ended = client(NO_CRASHES, mode=mode)
    ended.stream.assert_clean()
    assert ended.status == plain.returncode == 1
    found = ended.stream.statuses
    passed = {"success": True, "xfail": True, "fail": False, "uxsuccess": False, "skip": "skip"}
    skipped = {name for name in expected if expected[name] == "skip"}
    assert {test_id: passed[status] for test_id, status in found.items()} == {
        name: outcome for name, outcome in expected.items() if name in found
    }
    # doctest's report has what the filters leave out, too.
    assert skipped - set(found) == {"crashes", "exits", "hangs", "comes after a crash"}
    assert set(expected) - skipped <= set(found)
    assert len(found) > 20 and set(found.values()) == set(support.FINAL)


@MODES
def test_decorators_are_statuses(mode):
    found = client(NO_CRASHES, mode=mode).stream.statuses
    assert {test_id: status for test_id, status in found.items() if "should" in test_id
            or "may" in test_id or "expects" in test_id or "skip" in test_id} == {
        "is skipped": "skip",
        "may fail, and does": "xfail",
        "may fail, and does not": "success",
        "should fail, and does": "xfail",
        "should fail, and does not": "uxsuccess",
        "expects a failure, and has it": "xfail",
        "expects a failure, and has none": "fail",
        "expects a failure, and has two": "fail",
        "may take too long": "xfail",
    }


@MODES
def test_what_a_test_tells_is_attached_and_what_it_prints_is_its_own(mode):
    stream = client(NO_CRASHES, mode=mode).stream

    def told(test_id, *words, name="failure"):
        says(stream.file(test_id, name).decode(errors="replace"), *words)

    assert stream.output("passes", "stdout") == stream.all_output("stdout") == b"printed\n"
    told("passes", "doctest_outcomes.cc:", "a message", name="message")
    told("fails twice", "CHECK( 1 == 2 )", "number := 1", "std::runtime_error", "DIFFERENT")
    told("stops at a requirement", "this has to be")
    told("throws", "a reason")
    told("subcases", "CHECK( 1 == 3 )", "subcase: right\n  subcase: far")
    told("fails with bytes", "no UTF-8", name="failure.raw")
    assert b"\xff\xfe" in stream.file("fails with bytes", "failure.raw")
    told("takes too long", "timeout of 0.001")
    told("expects a failure, and has none", "0 asserts failed", "1 were expected")
    told("is skipped", "skip()", name="reason")


@pytest.mark.parametrize("mode", ["fork", "threads"])
def test_what_ends_the_process_costs_the_test_in_progress(mode):
    ended = client("-ts=crash", "-tce=hangs", mode=mode, **native.NO_HANDLER)
    stream = ended.stream
    assert stream.statuses == {"crashes": "fail", "exits": "fail", "comes after a crash": "success"}
    says(stream.details("crashes"), "SIGSEGV")
    assert stream.output("crashes", "stdout") == b"last words\n"
    says(stream.details("exits"), "exited with status 0")


@MODES
def test_names_with_commas_and_wildcards_are_taken_literally(mode):
    name = "a, b and *, literally"
    assert client(tests=[name], mode=mode).stream.statuses == {name: "success"}
    chosen = [name, "is large<int>", "passes", *NAMESAKES]
    ended = client(tests=chosen, mode=mode)
    assert ended.stream.statuses == {**dict.fromkeys(chosen, "success"), **NAMESAKES}


def test_two_cases_of_one_name_are_told_apart_by_file():
    for test_id, status in NAMESAKES.items():
        assert client(tests=[test_id]).stream.statuses == {test_id: status}
    assert client(tests=["namesake"]).stream.statuses == {"namesake": "fail"}


def test_two_cases_that_nothing_tells_apart_are_counted():
    listed = support.client("--list", "--format", "ids", "--match", "is larger",
                            channel=support.serving(*native.command(OUTCOMES))).stdout.decode()
    first, second = listed.splitlines()
    assert first.endswith(": is larger<number>") and second == first + " #2"
    assert client(tests=[first]).stream.statuses == {first: "success"}
    assert client(tests=[second]).stream.statuses == {second: "fail"}


def test_what_is_listed_is_what_the_filters_take_and_suites_are_tags():
    def listed(*arguments):
        ended = support.client("--list", "--format", "subunit",
                               channel=support.serving(*native.command(OUTCOMES, *arguments)))
        return ended.stream

    assert listed("-tc=*skip*,throws", "-tse=failing").listed == ["is skipped"]
    stream = listed("-ts=failing", "-tce=fails*")
    assert stream.listed == ["stops at a requirement", "throws", "warns only"]
    assert [event["test_tags"] for event in stream.events] == [{"failing"}] * 3


def test_a_skipped_test_runs_with_no_skip():
    assert client("--no-skip", tests=["is skipped"]).stream.statuses == {"is skipped": "fail"}


def test_options_that_are_the_clients_business_change_nothing():
    flags = ["--count", "--list-test-cases", "--first=3", "--last=1", "--abort-after=1", "--no-run"]
    # The first of them fails, and they stand next to each other.
    chosen = {"doctest_namesake.cc: namesake": "fail", "passes": "success"}
    assert client(*flags, tests=list(chosen)).stream.statuses == chosen


def test_without_the_option_the_program_is_what_it_was():
    plain = native.directly(OUTCOMES, "-tc=passes", "--no-fork")
    assert plain.returncode == 0
    says(plain.stdout.decode(), "1 passed", "SUCCESS!")
    assert "subunit" not in native.directly(OUTCOMES, "--list-reporters").stdout.decode()


def test_the_example_that_one_copies_works():
    ended = native.client("doctest_example")
    assert ended.status == 0
    assert ended.stream.statuses["an empty stack throws"] == "skip"
    printed = ended.stream.output("a stack returns what came last", "stdout")
    assert printed == b"the stack has 2 numbers\n"
