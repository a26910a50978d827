"""The leaderboard to be pasted elsewhere: Markdown, LaTeX, and BibTeX of the software."""

from collections.abc import Mapping, Sequence
from typing import Any

from bicameral.studies.judge import words
from bicameral.studies.report.text import trained

Results = Mapping[str, Any]
_SPECIAL = {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", words.MINUS: "$-$", ">": "$>$", "<": "$<$"}


def copies(results: Results) -> dict[str, str]:
    """Return the texts by the name of their language."""
    return {"Markdown": markdown(results), "LaTeX": latex(results), "BibTeX": bibtex(results)}


def markdown(results: Results) -> str:
    """Write the choice, the verdict and a table."""
    header, *rows = _table(results)
    table = ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]
    verdict = results["verdict"]
    told = [verdict["choice"]["sentence"]] if verdict["choice"] else []
    return "\n".join([*(f"> {line}  " for line in [*told, verdict["sentence"]]), "", *table])


def latex(results: Results) -> str:
    """Write a tabular for the package booktabs."""
    header, *rows = ([_escaped(cell) for cell in row] for row in _table(results))
    body = [" & ".join(row) + r" \\" for row in rows]
    lines = [r"\begin{tabular}{l" + "r" * (len(header) - 1) + "}", r"\toprule", " & ".join(header) + r" \\"]
    return "\n".join([*lines, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"])


def bibtex(results: Results) -> str:
    """Cite the software in the version that made the study, and the study by its hashes."""
    made = results["provenance"]
    version = made["versions"].get("bicameral", "")
    hashes = ", ".join(f"{name} {made['hashes'][name]}" for name in ("plan", "ledger"))
    note = f"study {results['question']['data']}, {hashes}"
    fields = {
        "title": "bicameral: which architecture does my data reward?",
        "author": "{The bicameral developers}",
        "version": version,
        "year": str(made["started"])[:4],
        "note": _escaped(note),
    }
    body = "\n".join(f"  {name} = {{{value}}}," for name, value in fields.items())
    return f"@software{{bicameral,\n{body}\n}}"


def _table(results: Results) -> Sequence[list[str]]:
    question = results["question"]
    header = ["model", words.axis(question), "95 % interval", "P(best)", "trained", "verdict"]
    return [header, *([*_row(question, row)] for row in results["leaderboard"])]


def _row(question: Results, row: Results) -> list[str]:
    return [
        row["name"],
        words.level(question, row["mean"]),
        words.level_interval(question, row["low"], row["high"]),
        "" if row["p_best"] is None else words.chance(row["p_best"]),
        trained(row["trained"]),
        row["verdict"] or "best mean",
    ]


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
