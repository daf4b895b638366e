"""`python -m tests.baselines`: show what differs from the recorded figures; with --accept record the present ones."""

import argparse

from tests.baselines.cases import CASES, RECORDED, accept, difference, measure, recorded


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m tests.baselines", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="record the present figures")
    if parser.parse_args().accept:
        accept()
        print(f"{len(CASES)} cases recorded in {RECORDED.name}")
        return
    known = recorded()
    changes = [difference(name, known.get(name, {}), measure(case)) for name, case in CASES.items()]
    print("\n".join(change for change in changes if change) or "nothing differs")


main()
