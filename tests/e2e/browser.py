"""Headless Chromium, for pages."""

import shutil

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


def why_not():
    """Why there is none; None if there is."""
    for program in CHROMIUM, DRIVER:
        if not shutil.which(program):
            return f"{program} is not there; scripts/setup test installs it"
    return None


def start(profile):
    """A browser whose profile is in that folder; to be ended with quit()."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = CHROMIUM
    # Tests run as root and in containers, too, where its sandbox does not work. /dev/shm may be small.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--user-data-dir={profile}", "--no-first-run", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(DRIVER), options=options)
