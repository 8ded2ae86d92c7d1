"""`--html`: the results as a page, in Chromium."""

from pathlib import Path
import re
import shlex
import subprocess

import pytest

import browser as chromium
import support
from support import client, python, says, serving

SUITE = '''
import os, sys, time, unittest
from pathlib import Path

EVIL = "</script><script>document.title = 'taken'</script><img src=x onerror=\\"document.title='taken'\\">"


class Case(unittest.TestCase):
    def test_evil(self):
        print(EVIL)
        print("\\x1b[31mred\\x1b[0m \\x1b[1;38;5;208mbold\\x1b[m \\x1b[2Jcleared \\x07 a\\u202eb", flush=True)
        os.write(1, b"\\xff\\xfe\\n")
        self.fail(EVIL)

    def test_flaky(self):
        marker = Path("flaky")
        if not marker.exists():
            marker.touch()
            print("the first time")
            self.fail("not yet")
        print("the second time")

    def test_killed(self):
        os.kill(os.getpid(), 9)

    @unittest.skip("no need of it")
    def test_skipped(self):
        pass


for number in range(200):
    setattr(Case, f"test_passed_{number:03}", lambda self: (print("fine"), time.sleep(0.002)))
'''

pytestmark = [
    pytest.mark.skipif(chromium.why_not() is not None, reason=chromium.why_not() or ""),
    pytest.mark.xdist_group("chromium"),  # one for all of them
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = chromium.start(tmp_path_factory.mktemp("profile"))
    yield made
    made.quit()


class Page:
    """A page in the browser, and what is on it."""

    def __init__(self, browser, path):
        self.browser = browser
        self.path = path
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.set_window_size(1200, 2400)
        self.open("")

    def open(self, link):
        self.browser.get("about:blank")
        self.browser.get_log("browser")
        self.browser.get(f"file://{self.path}{link}")
        self.settle()

    def settle(self):
        """Waits until all is drawn."""
        self.browser.execute_async_script(
            "const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 50);")

    def js(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def one(self, selector):
        return self.browser.find_element("css selector", selector)

    def texts(self, selector):
        return [element.text for element in self.all(selector)]

    def rows(self):
        """Of those on the screen, from top to bottom: outcome and id."""
        return self.js("""
            return [...document.querySelectorAll('.row')]
              .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
              .map(row => row.querySelector('.outcome').textContent + ' ' + row.querySelector('.id').textContent);""")

    def row(self, test_id):
        """That of a test which is on the screen."""
        return next(row for row in self.all(".row") if row.find_element("css selector", ".id").text == test_id)

    def click(self, selector):
        self.one(selector).click()
        self.settle()

    def keys(self, *keys):
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)
            self.settle()

    def count(self):
        return self.one("#count").text

    def problems(self):
        return [entry["message"] for entry in self.browser.get_log("browser")]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The page of a run of the suite on two servers, and how the run ended."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "suite.py").write_text(SUITE)
    channel = serving(*python("-m", "subunit_rpc", "suite"), options=["--workers", "2"])
    ended = client("--format", "subunit", "--retries", "1", "--html", "out.html", "--history", "history",
                   channel=channel, cwd=folder)
    return folder / "out.html", ended


@pytest.fixture
def page(browser, results):
    return Page(browser, results[0])


def test_failures_come_first_and_are_open(page, results):
    assert results[1].status == 1
    results[1].stream.assert_clean()
    assert page.browser.title == "failed: out"
    for part in "204 tests", "200 passed", "1 failed", "1 crashed", "1 flaky", "1 skipped", "on 2 servers":
        assert part in page.one("#summary").text
    assert page.rows()[:4] == ["failed suite.Case.test_evil", "crashed suite.Case.test_killed",
                               "flaky suite.Case.test_flaky", "skipped suite.Case.test_skipped"]
    opened = [row.get_attribute("aria-expanded") for row in map(page.row, ["suite.Case.test_evil", "suite.Case.test_flaky"])]
    assert opened == ["true", "false"]
    assert "killed by SIGKILL" in page.row("suite.Case.test_killed").text
    assert page.problems() == []


def test_a_click_opens_a_test_with_every_attempt_and_its_output(page):
    row = page.row("suite.Case.test_flaky")
    row.find_element("css selector", ".head").click()
    page.settle()
    text = row.text
    first, second = text.index("Attempt 1: failed on worker-"), text.index("Attempt 2: passed on worker-")
    assert first < text.index("the first time") < second < text.index("the second time")
    assert "It passed only" in text
    assert re.search(r"Server\nworker-\d: .*subunit-proxy serve ", text), text
    row.find_element("css selector", ".head").click()
    page.settle()
    assert "the first time" not in row.text


def test_nothing_that_tests_say_acts_on_the_page(page):
    assert page.browser.title == "failed: out"
    assert page.all("img") == []
    said = page.row("suite.Case.test_evil").text
    assert "</script><script>document.title = 'taken'</script><img src=x" in said
    assert r"\x1b[2Jcleared \x07 a\u{202e}b" in said
    assert r"\xff\xfe" in said
    # If a text came through after all, the page's policy stops it.
    page.js("""const script = document.createElement('script'); script.textContent = "document.title = 'taken'";
               document.body.append(script);
               const image = document.createElement('img'); image.setAttribute('onerror', "document.title = 'taken'");
               image.src = 'nothing.png'; document.body.append(image);""")
    page.settle()
    assert page.browser.title == "failed: out"
    refused = page.problems()
    assert any("script" in problem and "Content Security Policy" in problem for problem in refused), refused
    assert any("nothing.png" in problem and "Content Security Policy" in problem for problem in refused), refused


def test_colours_of_terminals_are_shown(page):
    colors = page.js("""
        const shown = text => [...document.querySelectorAll('pre span')].find(span => span.textContent === text);
        const style = text => getComputedStyle(shown(text));
        return [style('red').color, style('bold').color, style('bold').fontWeight];""")
    assert colors == ["rgb(179, 38, 30)", "rgb(255, 135, 0)", "700"]


def test_search_and_filters(page):
    search = page.one("#search")
    search.send_keys("PASSED_00")
    page.settle()
    assert page.count() == "10 of 204 tests"
    search.send_keys(" 7")
    page.settle()
    assert page.rows() == ["passed suite.Case.test_passed_007"]
    search.clear()
    search.send_keys("no need")  # a reason
    page.settle()
    assert page.rows() == ["skipped suite.Case.test_skipped"]
    search.clear()
    search.send_keys("x\ue003")  # it is empty again, and says so
    page.settle()
    assert page.count() == "204 tests"
    page.click("#outcomes .flaky")
    page.click("#outcomes .crashed")
    assert page.rows() == ["crashed suite.Case.test_killed", "flaky suite.Case.test_flaky"]
    page.click("#outcomes .flaky")
    page.click("#outcomes .crashed")
    page.click("#slow")
    assert page.count() == "10 of 204 tests"
    page.click("#slow")
    page.click("#new")
    assert page.count() == "204 tests"  # there was no history
    page.click("#new")
    counts = []
    for option in page.all("#server option")[1:]:
        option.click()
        page.settle()
        counts.append(int(page.count().split()[0]))
    assert len(counts) == 2 and sum(counts) == 204


def test_what_is_new_is_told_by_the_history(browser, results, tmp_path):
    """A failure that was one before is not new, and neither is a test that passes as before."""
    folder = results[0].parent
    channel = serving(*python("-m", "subunit_rpc", "suite"), options=["--workers", "2"])
    client("--format", "subunit", "--html", tmp_path / "again.html", "--history", "history", channel=channel, cwd=folder)
    page = Page(browser, tmp_path / "again.html")
    page.click("#new")
    assert page.count() == "0 of 204 tests"


def test_sorted_by_time_and_by_id(page):
    page.click("#sort option[value=took]")
    slowest = page.row(page.rows()[0].split()[-1]).find_element("css selector", ".took").text
    longest = max(test[4] or 0 for test in page.js("return JSON.parse(document.getElementById('run').textContent).tests"))
    assert float(slowest.split()[0]) == pytest.approx(longest if slowest.endswith("ms") else longest / 1000, rel=0.01)
    page.click("#sort option[value=id]")
    ids = [row.split()[-1] for row in page.rows()]
    assert ids == sorted(ids) and ids[0] == "suite.Case.test_evil"


def test_only_what_is_on_the_screen_is_there(page):
    assert len(page.all(".row")) < 150
    page.js("scrollTo(0, document.body.scrollHeight)")
    page.settle()
    assert "passed suite.Case.test_passed_" in page.rows()[-1]
    assert len(page.all(".row")) < 150


def test_a_link_leads_to_its_test(page):
    page.open("#test=suite.Case.test_passed_150")
    row = page.row("suite.Case.test_passed_150")
    assert row.get_attribute("aria-expanded") == "true"
    assert "fine" in row.text
    top = page.js("return arguments[0].getBoundingClientRect().top", row)
    assert 0 < top < 2400
    assert row.find_element("css selector", "a.link").get_attribute("href").endswith("#test=suite.Case.test_passed_150")


FAILING = """
import unittest

class Case(unittest.TestCase):
    pass

def fail(self):
    print("x" * 400 + "\\n" * 20)
    self.fail("no")

for number in range(300):
    setattr(Case, f"test_{number:03}", fail if number % 10 == 0 else lambda self: None)
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """The page of a run with many failures, of which the first ones are open."""
    folder = tmp_path_factory.mktemp("failing")
    (folder / "suite.py").write_text(FAILING)
    channel = serving(*python("-m", "subunit_rpc", "suite"))
    client("--format", "subunit", "--repeat", "2", "--html", "out.html", channel=channel, cwd=folder)
    return folder / "out.html"


@pytest.mark.parametrize("number", [0, 10, 90, 190, 200, 290, 1, 299])
def test_a_link_leads_to_its_test_past_others_that_are_open(browser, failing, number):
    page = Page(browser, failing)
    page.browser.set_window_size(1200, 900)
    page.open(f"#test=suite.Case.test_{number:03}")
    for _ in range(5):
        page.settle()
    row = page.one(".row.current")
    assert row.find_element("css selector", ".id").text == f"suite.Case.test_{number:03}"
    assert 0 <= page.js("return arguments[0].getBoundingClientRect().top", row) < 600


def test_a_link_to_a_test_that_ran_several_times_leads_to_its_failure(browser, tmp_path):
    (tmp_path / "suite.py").write_text("""
import unittest
runs = []

class Case(unittest.TestCase):
    def test_second(self):
        runs.append(0)
        self.assertNotEqual(len(runs), 2)
""")
    channel = serving(*python("-m", "subunit_rpc", "suite"))
    client("--format", "subunit", "--repeat", "3", "--html", "out.html", channel=channel, cwd=tmp_path)
    page = Page(browser, tmp_path / "out.html")
    page.open("#test=suite.Case.test_second")
    assert page.one(".row.current .outcome").text == "failed"
    assert [text.strip() for text in page.texts("#tag option")] == ["all", "round-1", "round-2", "round-3"]


BOARDS = """
import os, unittest


class Case(unittest.TestCase):
    def test_device(self):
        self.assertNotEqual(os.environ["BOARD"], "2", "no such device")

    def test_usual(self):
        pass


for number in range(250):
    setattr(Case, f"test_{number:03}", lambda self: None)
"""


def test_a_matrix_shows_each_test_on_each_channel(browser, tmp_path):
    (tmp_path / "suite.py").write_text(BOARDS)
    channels = []
    for number in 1, 2:
        channel = ["env", f"BOARD={number}", *serving(*python("-m", "subunit_rpc", "suite"))]
        channels += ["--channel", shlex.join(map(str, channel))]
    support.proxy("run", "--format", "subunit", "--each", "--html", "out.html", *channels, cwd=tmp_path)
    page = Page(browser, tmp_path / "out.html")
    assert [text[:19] for text in page.texts("#matrix thead th")] == \
        ["Test", "channel-0: env BOAR", "channel-1: env BOAR"]
    rows = [row.text.split() for row in page.all("#matrix tbody tr")]
    assert rows[0] == ["252", "tests", "none", "failed", "1", "failed"]
    assert rows[1] == ["suite.Case.test_device", "passed", "failed"]
    assert len(rows) == 1 + 200
    assert page.one("#matrix p").text == "and 52 more tests, which passed everywhere"
    page.click("#matrix tbody tr:nth-child(2) td:nth-child(2) button")
    current = page.one(".row.current").text
    assert current.startswith("passed\nsuite.Case.test_device") and "env BOARD=1" in current
    page.click("#matrix tbody tr:nth-child(2) td:nth-child(3) button")
    assert "no such device" in page.one(".row.current").text
    assert page.problems() == []


def test_a_run_that_is_not_on_each_channel_has_no_matrix(page):
    assert not page.one("#matrix").is_displayed()


def test_by_keyboard_alone(page):
    down, enter, right, left = "\ue015", "\ue007", "\ue014", "\ue012"
    page.keys("/")
    assert page.browser.switch_to.active_element.get_attribute("id") == "search"
    page.keys("passed_04", enter)
    assert page.browser.switch_to.active_element.get_attribute("id") == "list"
    third = page.rows()[2].split()[-1]
    page.keys(down, down, enter)
    assert page.row(third).get_attribute("aria-expanded") == "true"
    assert page.one("#list").get_attribute("aria-activedescendant") == page.row(third).get_attribute("id")
    page.keys(left)
    assert page.row(third).get_attribute("aria-expanded") == "false"
    page.js("document.getElementById('canvas').focus()")
    page.keys(right, right)
    pointed = page.one("#pointed").text
    assert pointed.startswith("suite.Case.test_"), pointed
    page.keys("+", "0", enter)
    opened = page.row(pointed.split(":")[0])
    assert opened.get_attribute("aria-expanded") == "true"


def test_a_box_of_the_time_line_leads_to_its_test(page):
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = page.one("#canvas")
    assert canvas.size["height"] > 40  # two lanes
    x, y = page.js("""
        const context = arguments[0].getContext('2d'), scale = devicePixelRatio;
        for (const y of [10, 30])
          for (let x = 100; x < 1100; ++x) {
            const [red, green, , alpha] = context.getImageData(x * scale, y * scale, 1, 1).data;
            if (alpha === 255 && green > 100 && red < 60) return [x, y];  // that of a test that has passed
          }""", canvas)
    left, top = x - canvas.size["width"] // 2, y - canvas.size["height"] // 2
    ActionChains(page.browser).move_to_element_with_offset(canvas, left, top).click().perform()
    page.settle()
    opened = page.texts(".row[aria-expanded=true] .outcome.passed")
    assert opened == ["passed"]


@pytest.mark.parametrize("width", [1400, 420])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_readable(page, width, scheme, tmp_path):
    page.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    try:
        page.settle()
        assert page.js("return document.documentElement.scrollWidth <= innerWidth")
        screenshot = page.browser.get_screenshot_as_png()
        (tmp_path / "page.png").write_bytes(screenshot)
        assert len(screenshot) > 10_000  # it shows something
        contrasts = page.js(r"""
            const parts = color => color.match(/[\d.]+/g).slice(0, 3).map(part => part / 255)
              .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
            const light = color => parts(color).reduce((sum, part, place) => sum + part * [.2126, .7152, .0722][place], 0);
            const back = light(getComputedStyle(document.body).backgroundColor);
            return [...document.querySelectorAll('#summary, #count, .outcome, .id, .why, .took, .body dt, #outcomes button')]
              .map(element => light(getComputedStyle(element).color))
              .map(front => (Math.max(front, back) + .05) / (Math.min(front, back) + .05));""")
        assert min(contrasts) >= 4.5  # WCAG 2.1, 1.4.3
        assert page.js("return getComputedStyle(document.body).backgroundColor") == \
            {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_command_repeats_the_test(page, results):
    command = page.row("suite.Case.test_evil").find_element("css selector", "code.command").text
    words = shlex.split(command)
    assert words[:2] == ["subunit-proxy", "run"] and not {"--html", "--retries", "--history"} & set(words)
    own, channel = words[2:words.index("--")], words[words.index("--") + 1:]
    assert own[-1] == "suite.Case.test_evil"
    ended = client("--format", "subunit", *own[-1:], channel=channel, cwd=results[0].parent)
    assert ended.status == 1
    assert ended.stream.statuses == {"suite.Case.test_evil": "fail"}


def test_the_command_of_a_run_with_a_configuration_file_leaves_its_reports_alone(browser, tmp_path):
    (tmp_path / "suite.py").write_text(FAILING)
    channel = shlex.join(serving(*python("-m", "subunit_rpc", "suite")))
    (tmp_path / "subunit-proxy.toml").write_text(f'channel = ["{channel}"]\nhtml = "out.html"\nrepeat = 2\n')
    support.proxy("run", "--format", "subunit", "--match", "test_00", cwd=tmp_path)
    before = (tmp_path / "out.html").read_bytes()
    page = Page(browser, tmp_path / "out.html")
    assert page.count() == "20 tests"
    command = page.row("suite.Case.test_000").find_element("css selector", "code.command").text
    command = command.replace("subunit-proxy run", f"{support.BINARY} run --format subunit", 1)
    ended = subprocess.run(["sh", "-c", command], cwd="/", capture_output=True)
    assert ended.returncode == 1, ended.stderr
    assert support.Stream(ended.stdout).ended == {("suite.Case.test_000", "fail"): 1}
    assert (tmp_path / "out.html").read_bytes() == before


@pytest.mark.parametrize("test_id, words", [
    ("suite.Case.plain", "suite.Case.plain"),
    ("a 'b'", r"'a '\''b'\'''"),
    ("-x", r"--match '^\Q-x\E$'"),
    ("a\u202e\\'\n", r"$'a\xe2\x80\xae\\\'\x0a'"),
])
def test_the_command_of_an_odd_id(browser, tmp_path, test_id, words):
    server = tmp_path / "server.py"
    source = (support.EXAMPLES / "own_server.py").read_text()
    server.write_text(source.replace("host, port =", f"TESTS = {{{test_id!r}: lambda: True}}\nhost, port =", 1))
    client("--format", "subunit", "--html", tmp_path / "out.html", channel=serving(support.PYTHON, server))
    page = Page(browser, tmp_path / "out.html")
    page.click(".row .head")
    assert f" {words} -- " in page.one("code.command").get_attribute("textContent")


def test_100_000_tests_are_there_and_small(browser, tmp_path):
    """How fast they open is measured by scripts/bench."""
    server = Path(support.BINARY).parents[1] / "tests/perf/null_server"
    ended = client("--format", "subunit", "--html", tmp_path / "many.html", channel=serving(server, 100_000))
    assert ended.status == 0
    assert (tmp_path / "many.html").stat().st_size < 100_000 * 1000
    page = Page(browser, tmp_path / "many.html")
    assert page.count() == "100,000 tests"
    page.js("scrollTo(0, document.body.scrollHeight)")
    page.settle()
    assert page.rows()[-1] == "passed package.module.Class.test_099999"
    page.open("#test=package.module.Class.test_050000")
    assert "passed package.module.Class.test_050000" in page.rows()


def test_a_run_that_is_cut_off_has_its_page(browser, tmp_path):
    (tmp_path / "suite.py").write_text(SUITE)
    channel = ["sh", "-c", f"head -c 1 /dev/zero; exec {support.PYTHON} -c 'raise SystemExit(4)'"]
    ended = client("--format", "subunit", "--html", "out.html", channel=channel, cwd=tmp_path)
    assert ended.status == 3
    page = Page(browser, tmp_path / "out.html")
    assert page.browser.title == "not completed: out"
    assert "status 4" in page.one("#problem").text


@pytest.mark.parametrize("options, words", [
    (["--list", "--html", "x.html"], ["--html cannot be used with --list"]),
    (["--html", "-"], ["--html cannot write to stdout", "name a file"]),
    (["--html", "out", "--junit", "./out"], ["--junit and --html name the same file"]),
])
def test_where_it_cannot_be_written(options, words):
    ended = client(*options, channel=["true"])
    assert ended.status == 2
    says(ended.stderr, *words)


@pytest.mark.parametrize("option", ["--html", "--junit"])
@pytest.mark.parametrize("test, status", [("test_good", 3), ("test_bad", 1)])
def test_a_report_that_is_cut_off_is_told_by_the_exit_status(tmp_path, option, test, status):
    """Unless a test has failed, which tells more."""
    (tmp_path / "suite.py").write_text(
        "import unittest\n\n\nclass Case(unittest.TestCase):\n    def test_good(self):\n        pass\n\n"
        "    def test_bad(self):\n        self.fail()\n"
    )
    ended = client("--format", "subunit", option, "/dev/full", f"suite.Case.{test}",
                   channel=serving(*python("-m", "subunit_rpc", "suite")), cwd=tmp_path)
    assert ended.status == status
    says(ended.stderr, "cannot write the", "/dev/full", "No space left")
    assert ended.stream.statuses.keys() == {f"suite.Case.{test}"}


def test_the_folder_is_not_there():
    ended = client("--html", "/nowhere/x.html", channel=["true"])
    assert ended.status == 3
    says(ended.stderr, "cannot write the HTML page", "/nowhere/x.html")
