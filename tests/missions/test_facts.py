"""A file of facts is believed only where it says how it knows."""

import pytest

from lightlag.missions.facts import Facts, FactsError, load_facts
from lightlag.missions.mars2020.landing import Mars2020Landing

GOOD = """\
sources: {A: "a book"}
vehicle:
  mass_kg: {v: 3368, src: A, conf: mem}
  drag: {v: [[0, 1.0], [5, 1.46]], src: [A], conf: fit, to: "the flown deceleration"}
record:
  - {id: landing, e_s: 419.57, src: A, conf: read}
"""


def load(tmp_path, text) -> Facts:
    file = tmp_path / "facts.yaml"
    file.write_text(text)
    return load_facts(file)


def test_values_come_out_as_plain_data(tmp_path):
    found = load(tmp_path, GOOD)
    assert found.values("vehicle") == {"mass_kg": 3368, "drag": [[0, 1.0], [5, 1.46]]}
    assert found.value("vehicle.mass_kg") == 3368
    assert found.figure("vehicle.drag").to == "the flown deceleration"
    assert found.records("record") == [{"id": "landing", "e_s": 419.57, "src": "A", "conf": "read"}]
    assert found.sources == {"A": "a book"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("src: A, conf: mem", "conf: mem"), r"facts\.yaml:3: vehicle\.mass_kg has no src"),
        (("src: A, conf: mem", "v2: 1"), "has no src and conf"),
        (("conf: mem", "conf: sure"), "conf is 'sure'; it is one of read, calc, mem, exact, fit"),
        (("src: A, conf: mem", "src: B, conf: mem"), "source 'B' is not among A"),
        ((', to: "the flown deceleration"', ""), "does not say in 'to' what it was fitted to"),
        (("{v: 3368, src: A, conf: mem}", "3368"), r"facts\.yaml:3: vehicle\.mass_kg is 3368 without a source"),
        (("src: A, conf: read}", "conf: read}"), r"facts\.yaml:6: record\.landing has no src"),
        (("- {id: landing, e_s: 419.57, src: A, conf: read}", "- 3"), r"facts\.yaml:6: record: a list holds records"),
        (("  drag:", "  mass_kg:"), r"facts\.yaml:4: not YAML: found duplicate key"),
        (("sources:", "quellen:"), "is a mapping with a section 'sources'"),
        (("vehicle:", "vehicle: ["), r"facts\.yaml:\d+: not YAML"),
    ],
)
def test_a_figure_without_provenance_is_refused_with_its_line(tmp_path, change, message):
    assert change[0] in GOOD
    with pytest.raises(FactsError, match=message):
        load(tmp_path, GOOD.replace(*change, 1))


def test_an_instant_stays_the_text_it_was(tmp_path):
    found = load(tmp_path, GOOD.replace("v: 3368", "v: 2021-02-18T20:36:50Z"))
    assert found.value("vehicle.mass_kg") == "2021-02-18T20:36:50Z"


def test_a_wrong_path_names_what_there_is(tmp_path):
    found = load(tmp_path, GOOD)
    with pytest.raises(FactsError, match=r"no 'mas_kg' in 'vehicle\.mas_kg'; there is: mass_kg, drag"):
        found.value("vehicle.mas_kg")
    with pytest.raises(FactsError, match="is a section, not a figure"):
        found.figure("vehicle")
    with pytest.raises(FactsError, match="is not a section"):
        found.values("vehicle.mass_kg")
    with pytest.raises(FactsError, match="is not a list of records"):
        found.records("vehicle")


def test_every_fit_of_mars_2020_names_what_it_was_fitted_to():
    def figures(section):
        for value in section.values():
            yield from figures(value) if isinstance(value, dict) else [value]

    fits = [figure for figure in figures(Mars2020Landing.facts()._tree["parameters"]) if figure.conf == "fit"]
    assert len(fits) >= 10
    assert all(len(figure.to) > 20 for figure in fits)
