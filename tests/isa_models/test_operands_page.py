"""The page of supported instructions."""

from pathlib import Path

from isa_models.instruction_list import instruction_list

PAGE = Path(__file__).parents[2] / "docs" / "instructions.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == instruction_list(), "run the command that the page names"
