"""Draws the results, in the benchmark's environment: `python -m benchmarks.plots RESULTS.json FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use("Agg")
_OURS: Final = "profile-service"
_TITLES: Final = {
    "cpu_us": "CPU for one request, µs",
    "rps": "requests per second",
    "rss_mb": "memory at its peak so far, MiB",
}
_COLOURS: Final = {True: "#0b6e4f", False: "#9aa5b1"}
# What bars would hide the others behind.
_SLOW: Final = ("auth.login", "checkpw", "in flight", "beside")


def main(results: dict[str, Any], folder: Path) -> None:
    """Draw everything into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    bars = [
        (f"{system}: {operation}", figures, system == _OURS)
        for system, operations in results["systems"].items()
        for operation, figures in operations.items()
        if not any(each in operation for each in _SLOW)
    ]
    _bars(
        [(name, each["cpu_us"], ours) for name, each, ours in bars],
        "CPU for one request, µs",
        folder / "cpu.png",
    )
    _latencies(bars, folder / "latency.png")
    for name, points in results["series"].items():
        _lines(points, name, folder / f"{name}.png")


def _bars(bars: list[tuple[str, float, bool]], title: str, path: Path) -> None:
    ordered = sorted(bars, key=lambda bar: -bar[1])
    figure, axes = plt.subplots(figsize=(9, 0.36 * len(ordered) + 1))
    drawn = axes.barh(
        [name for name, _, _ in ordered],
        [value for _, value, _ in ordered],
        color=[_COLOURS[ours] for _, _, ours in ordered],
    )
    axes.bar_label(drawn, fmt="%.0f", padding=3)
    axes.set_title(title)
    _save(figure, axes, path)


def _latencies(bars: list[tuple[str, Any, bool]], path: Path) -> None:
    """Draw the median as a bar, and the 99th percentile as a whisker."""
    ordered = sorted(bars, key=lambda bar: -bar[1]["p50_ms"])
    medians = [figures["p50_ms"] for _, figures, _ in ordered]
    above = [max(0.0, figures["p99_ms"] - figures["p50_ms"]) for _, figures, _ in ordered]
    figure, axes = plt.subplots(figsize=(9, 0.36 * len(ordered) + 1))
    axes.barh(
        [name for name, _, _ in ordered],
        medians,
        xerr=[[0.0] * len(above), above],
        color=[_COLOURS[ours] for _, _, ours in ordered],
        ecolor="#52606d",
        capsize=3,
    )
    axes.set_title("Time to a reply, ms: median, and up to the 99th percentile")
    _save(figure, axes, path)


def _lines(points: list[dict[str, Any]], name: str, path: Path) -> None:
    """Draw CPU, rate and memory of each system over what was varied."""
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.4))
    for system in dict.fromkeys(each["system"] for each in points):
        own = [each for each in points if each["system"] == system]
        along = [each[name] for each in own]
        colour = _COLOURS[system == _OURS]
        for axes, value in zip(panels, _TITLES, strict=True):
            axes.plot(along, [each[value] for each in own], "o-", color=colour, label=system)
    for axes, title in zip(panels, _TITLES.values(), strict=True):
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(name.replace("_", " "))
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def _save(figure: Any, axes: Any, path: Path) -> None:  # noqa: ANN401 - matplotlib is not in every environment
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
