"""Suspects are decided in a real browser: by mouse, by keys, across visits, and down to the file that is saved."""

import csv
import io
import json
from dataclasses import replace

import pytest
from browser import CHROMIUM, Browser
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_audits import HOSTILE, hostile_audit, made_up_audit

from influence_bench.bench.audit.decisions import Decisions, read_decisions
from influence_bench.reports.audit.page import audit_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open the page of an audit; afterwards, no script has failed and nothing was asked for but the page."""

    def open_page(audit, **view):
        (tmp_path / "index.html").write_bytes(audit_page(audit).encode())
        browser.open(tmp_path / "index.html", **view)
        return browser

    browser.asked.clear()
    yield open_page
    assert browser.errors == []
    assert {address.partition(":")[0] for address in browser.asked} <= {"file", "blob"}
    assert {address.rpartition("/")[2] for address in browser.asked if address.startswith("file")} == {"index.html"}
    browser.run("localStorage.clear()")


def shown(browser):
    """The numbers of the rows in sight."""
    return browser.run(
        "[...document.querySelectorAll('.suspect')].filter((c) => c.offsetParent).map((c) => +c.dataset.row)"
    )


def counted(browser):
    return browser.run("document.getElementById('count').textContent")


def test_decisions_by_mouse_are_saved_as_a_file_that_reads_back(opened):
    audit = made_up_audit("images", 4)
    browser = opened(audit)
    assert counted(browser) == "0 of 4 decided"
    assert browser.run("document.getElementById('save').disabled")
    for row, choice in ((148, "drop"), (74, "keep"), (37, "fix"), (111, "fix")):
        browser.click(f"[data-row='{row}'] input[value={choice}]")
    browser.run("{ const s = document.querySelector(\"[data-row='111'] select\"); s.value = 7; s.onchange(); }")
    assert counted(browser) == "4 of 4 decided: 1 kept, 2 fixed, 1 dropped"
    file = browser.downloaded("#save")
    assert file.name == "decisions.csv"
    fixed = {37: audit.suspects[0].suggested, 111: audit.classes[7]}
    assert file.read_text() == f"row,decision,label\n37,fix,{fixed[37]}\n74,keep,\n111,fix,{fixed[111]}\n148,drop,\n"
    assert read_decisions(file, audit.rows, audit.classes) == Decisions(file, [74], fixed, [148])
    file.unlink()


def test_decisions_by_keys(opened):
    browser = opened(made_up_audit("table", 4))
    for key in "jkjfndpd":  # keep the first, fix the second, drop the third, drop the second after all
        browser.press(key)
    assert browser.run("csv()") == "row,decision,label\n37,keep,\n74,drop,\n111,drop,\n"
    assert browser.run("document.activeElement.dataset.row") == "74"


def test_keys_do_nothing_while_a_person_types(opened):
    browser = opened(made_up_audit("table", 4))
    browser.click("[data-row='37'] input[value=keep]")
    browser.click("#filters input[type=search]")
    for key in "fdj":
        browser.press(key)
    assert browser.run("filters.text.value") == "fdj"
    assert browser.run("csv()") == "row,decision,label\n37,keep,\n"


def test_decisions_outlast_the_visit_but_not_a_change_of_the_label(opened):
    audit = made_up_audit("texts", 3)
    browser = opened(audit)
    for key in "jfjd":
        browser.press(key)
    before = browser.run("csv()")
    browser = opened(audit)
    assert browser.run("csv()") == before
    assert browser.run("document.querySelector('[data-row=\"37\"] select').hidden") is False
    first, *others = audit.suspects
    mended = replace(first, shown=replace(first.shown, given=first.suggested))
    browser = opened(replace(audit, suspects=[mended, *others]))
    assert browser.run("csv()") == "row,decision,label\n74,drop,\n"
    assert counted(opened(made_up_audit("texts", 3, rows=9_999))) == "0 of 3 decided"


def test_filters_narrow_what_is_shown(opened):
    audit = made_up_audit("texts", 12)
    browser = opened(audit)
    label, suggested = audit.suspects[0].shown.given, audit.suspects[0].suggested
    choose = "filters.{0}.value = '{1}'; filter()"
    browser.run(choose.format("given", audit.classes.index(label)))
    assert shown(browser) == [one.shown.row for one in audit.suspects if one.shown.given == label]
    browser.run(choose.format("suggested", audit.classes.index(suggested)))
    both = [one.shown.row for one in audit.suspects if (one.shown.given, one.suggested) == (label, suggested)]
    assert shown(browser) == both
    browser.run("filters.given.value = filters.suggested.value = ''; filter()")
    browser.click("#filters input[type=search]")
    browser.send("Input.insertText", text="KETTLE")
    kettles = [one.shown.row for one in audit.suspects if "kettle" in one.shown.cells["text"]]
    assert shown(browser) == kettles != []
    browser.send("Input.insertText", text=" of nothing")
    assert shown(browser) == []
    assert browser.run("document.getElementById('none').offsetParent !== null")


def test_a_decided_row_leaves_the_undecided_ones_as_the_reader_moves_on(opened):
    browser = opened(made_up_audit("table", 4))
    browser.click("#filters input[name=undecided]")
    browser.run("document.activeElement.blur()")
    browser.press("j")
    browser.press("k")
    assert shown(browser) == [37, 74, 111, 148]
    browser.press("j")
    assert shown(browser) == [74, 111, 148]
    assert browser.run("document.activeElement.dataset.row") == "74"


def test_hostile_labels_are_saved_to_the_letter(opened):
    browser = opened(hostile_audit())
    for key in "jfjf":
        browser.press(key)
    file = browser.downloaded("#save")
    assert read_decisions(file, 10_000, hostile_audit().classes).fixed == {3: f"={HOSTILE}", 4: ""}
    file.unlink()
    assert browser.run("document.title").startswith("Audit of </script>")
    assert browser.run("document.querySelector('.suspect h3 bdi').textContent") == HOSTILE.replace("\r\n", "\n")


@settings(max_examples=20, deadline=None)
@given(cells=st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.text(' ,"\r\n=;'), min_size=1))
def test_whatever_a_label_holds_is_quoted_as_csv(browser, cells):
    line = browser.run(f"{json.dumps(cells)}.map(quoted).join()")
    assert next(csv.reader(io.StringIO(f"-,{line}\n", newline=""), strict=True))[1:] == cells


@pytest.mark.parametrize(
    "audit",
    [made_up_audit("table", 3), made_up_audit("arrays", 3), hostile_audit()],
    ids=["table", "arrays", "hostile"],
)
def test_a_phone_scrolls_down_only(opened, audit):
    browser = opened(audit, width=390, height=800)
    assert browser.run("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_light_and_dark(opened, scheme):
    browser = opened(made_up_audit("images", 3), scheme=scheme)
    contrast = """
    (() => {
      const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
      const over = ([r, g, b, a = 1], under) => [r, g, b].map((value, i) => a * value + (1 - a) * under[i]);
      const ground = (e) => e ? over(channels(getComputedStyle(e).backgroundColor), ground(e.parentElement))
        : [255, 255, 255];
      const light = (rgb) => rgb.map((v) => v / 255).map((v) => v <= .04 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
      const texts = [...document.body.querySelectorAll("*")].filter((e) => e.offsetParent && !e.disabled
        && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
      return Math.min(...texts.map((e) => {
        const [a, b] = [light(channels(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
        return (a + .05) / (b + .05);
      }));
    })()"""
    assert browser.run(contrast) >= 4.5
