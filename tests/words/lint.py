"""Check the product's words against `words.toml`, and count what is left in each area against the baseline.

    python -m tests.words.lint                     fails where an area has more hits than the baseline
    python -m tests.words.lint --list docs         lists every hit under a path
    python -m tests.words.lint --write-baseline    lowers the baseline to what is left

Delete `baseline.toml` before `--write-baseline` to start again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.words.rules import LONGEST_SENTENCE, MOST_EXCEPTIONS, AllowedText, Hit, Rule, Words
from tests.words.texts import texts

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORDS = HERE / "words.toml"
BASELINE = HERE / "baseline.toml"
SUFFIXES = {".py", ".md", ".html", ".txt"}
# These tests plant what stays out. Migrations are left out too, since they are history.
LEFT_OUT = "tests/words/test_lint.py"
SHOWN = 40

Counts = Counter[tuple[str, Rule]]


def area(path: str) -> str:
    """Return the area a file is counted under: `apps/access`, `tests/crm`, `docs`, `.` for files at the top."""
    parts = path.split("/")
    if path == "docs/security.md":
        return path
    if parts[0] in {"apps", "tests"} and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0] if len(parts) > 1 else "."


def files(root: Path) -> list[str]:
    """Return the files of the working tree that can hold texts, relative to `root`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [
        path
        for path in sorted(set(listed.split("\0")) - {""})
        if Path(path).suffix in SUFFIXES and path != LEFT_OUT and "/migrations/" not in path and (root / path).is_file()
    ]


def check(root: Path, paths: Iterable[str], words_file: Path = WORDS) -> tuple[list[Hit], set[AllowedText]]:
    """Return every hit in the files, and the exceptions that were needed."""
    words = Words(words_file)
    hits = [hit for path in paths for text in texts(root / path) for hit in words.hits(path, text)]
    return hits, words.used


def check_all(root: Path, paths: list[str]) -> tuple[list[Hit], set[AllowedText]]:
    """Do what `check` does, on all processors."""
    chunks = [paths[start::8] for start in range(8)]
    with ProcessPoolExecutor() as pool:
        results = list(pool.map(check, [root] * len(chunks), chunks))
    hits = sorted((hit for chunk_hits, _ in results for hit in chunk_hits), key=lambda hit: (hit.path, hit.line))
    return hits, {exception for _, used in results for exception in used}


def count(hits: Iterable[Hit]) -> Counts:
    """Return the number of hits for each area and rule."""
    return Counter((area(hit.path), hit.rule) for hit in hits)


def read_baseline(path: Path) -> Counts:
    """Return the hits that may be left. What the file does not name is 0."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return Counter({(name, rule): number for name, rules in data.items() for rule, number in rules.items()})


def write_baseline(path: Path, counts: Counts) -> None:
    """Write the counts as the baseline."""
    lines = ["# Hits that may be left in each area; written by `python -m tests.words.lint --write-baseline`."]
    for name in sorted({name for name, _ in counts}):
        lines += ["", f'["{name}"]']
        lines += [f"{rule} = {counts[name, rule]}" for rule in sorted(r for n, r in counts if n == name)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def report(hits: list[Hit], baseline: Counts) -> tuple[list[str], list[str]]:
    """Return what is wrong, where an area has more hits than the baseline, and which numbers can be lowered."""
    counts = count(hits)
    wrong: list[str] = []
    for key in sorted(counts):
        if counts[key] > baseline[key]:
            name, rule = key
            wrong.append(f"{name}: {counts[key]} hits of “{rule}”, the baseline allows {baseline[key]}:")
            listed = [hit for hit in hits if (area(hit.path), hit.rule) == key]
            wrong += [f"  {hit.path}:{hit.line}: {hit.message}" for hit in listed[:SHOWN]]
            if len(listed) > SHOWN:
                wrong.append(f"  … and {len(listed) - SHOWN} more: python -m tests.words.lint --list {name}")
    lower = [f"{name} {rule}: {baseline[name, rule]} → {counts[name, rule]}" for name, rule in sorted(baseline)]
    return wrong, [line for key, line in zip(sorted(baseline), lower, strict=True) if counts[key] < baseline[key]]


def check_exceptions(words: Words, used: set[AllowedText]) -> list[str]:
    """Return what is wrong with the reviewed exceptions: too many, or not needed."""
    wrong = [
        f"words.toml: the exception “{row.text}” in {row.path} is not needed: delete it"
        for row in words.exceptions
        if row not in used
    ]
    if len(words.exceptions) > MOST_EXCEPTIONS:
        wrong.append(f"words.toml: {len(words.exceptions)} exceptions, at most {MOST_EXCEPTIONS} are allowed")
    return wrong


def main() -> int:
    """Check the working tree; return 1 where something is worse than the baseline."""
    parser = argparse.ArgumentParser(
        description=f"Check words, names and sentences (at most {LONGEST_SENTENCE} words)."
    )
    parser.add_argument("--list", metavar="PATH", help="list every hit in the files under a path")
    parser.add_argument("--write-baseline", action="store_true", help="lower the baseline to what is left")
    options = parser.parse_args()
    hits, used = check_all(ROOT, files(ROOT))
    if options.list is not None:
        listed = [hit for hit in hits if hit.path.startswith(options.list)]
        print(
            *(f"{hit.path}:{hit.line}: [{hit.rule}] {hit.message}" for hit in listed), f"{len(listed)} hits", sep="\n"
        )
        return 0
    counts = count(hits)
    baseline = read_baseline(BASELINE) if BASELINE.exists() else counts
    wrong, lower = report(hits, baseline)
    wrong += check_exceptions(Words(WORDS), used)
    if options.write_baseline:
        write_baseline(
            BASELINE, Counter({key: min(number, baseline[key]) for key, number in counts.items() if baseline[key]})
        )
    elif lower:
        print("Lower the baseline: python -m tests.words.lint --write-baseline", *lower, sep="\n  ")
    if wrong:
        print(*wrong, "Write these in plain English; CONTRIBUTING.md says how.", sep="\n", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
