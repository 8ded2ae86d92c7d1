"""Figures, their goals, and the table."""

import operator
from statistics import median
from typing import Callable, List, NamedTuple, Optional

AT_LEAST, AT_MOST, BELOW = (">=", operator.ge), ("<=", operator.le), ("<", operator.lt)


class Goal(NamedTuple):
    relation: tuple
    bound: float
    on_ratio: bool = True  # otherwise on our own figure

    def reached(self, ours, ratio):
        return self.relation[1](ratio if self.on_ratio else ours, self.bound)

    def __str__(self):
        return f"{self.relation[0]} {self.bound:g}" + (" x" if self.on_ratio else "")


class Figure(NamedTuple):
    name: str
    unit: str
    ours: List[float]  # a value for each round
    peer_name: str = ""
    peer: List[float] = []
    goal: Optional[Goal] = None
    combine: Callable = median  # over the rounds

    def ratio(self):
        """The median of each round's own ratio: what slows the machine down slows down both."""
        return self.combine([a / b for a, b in zip(self.ours, self.peer)]) if self.peer else None

    def as_dict(self):
        ours, ratio = self.combine(self.ours), self.ratio()
        return {
            "figure": self.name,
            "unit": self.unit,
            "ours": ours,
            "peer_name": self.peer_name,
            "peer": self.combine(self.peer) if self.peer else None,
            "ratio": ratio,
            "goal": str(self.goal) if self.goal else None,
            "reached": self.goal.reached(ours, ratio) if self.goal else None,
            "rounds": {"ours": self.ours, "peer": self.peer},
        }


def _digits(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:#.3g}".rstrip(".")


def print_table(figures):
    rows = [("figure", "ours", "peer", "", "ratio", "goal", "reached")]
    for figure in map(Figure.as_dict, figures):
        reached = {None: "", True: "yes", False: "NO"}[figure["reached"]]
        rows.append(
            (
                f"{figure['figure']}, {figure['unit']}",
                _digits(figure["ours"]),
                _digits(figure["peer"]),
                figure["peer_name"],
                _digits(figure["ratio"]),
                figure["goal"] or "",
                reached,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [
            cell.rjust(width) if i in (1, 2, 4) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ]
        print("  ".join(cells).rstrip())
