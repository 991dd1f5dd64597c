"""Commands on configs and schemas: `validate`, `config`, `schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from pactag.cli.printing import show_lines
from pactag.cli.show import err, note, out, show_error, show_json
from pactag.config import config_json_schema, load_config
from pactag.errors import PactagError
from pactag.model_folder import BUILT_IN, BUILT_IN_FOLDERS, SCHEMA
from pactag.schema import DEFAULT_SCHEMA, load_schema

schema_app = typer.Typer(help="What the labels mean.", no_args_is_help=True)
config_app = typer.Typer(help="Run configs: their fields, and how one resolves.", no_args_is_help=True)

Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a field, such as training.learning_rate=3e-5. Repeatable.")
]


def validate(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[CONFIG]...", help="Config files; by default those in configs/.")] = None,
) -> None:
    """Check configs. Every error of every file is told, with its line; exit code 2 when there is any."""
    files = files or sorted(Path("configs").glob("*.yaml"))
    if not files:
        raise PactagError("configs/", "holds no .yaml here", "Name the configs to check")
    bad = 0
    for path in files:
        try:
            config = load_config(path)
            load_schema(config.data.schema_file)
        except PactagError as error:
            bad += 1
            show_error(error)
        else:
            out.print(f"[green]ok[/] {escape(str(path))}: {config.model.kind}, {escape(config.name)}")
    if bad:
        err.print(f"{bad} of {len(files)} configs cannot be used")
        raise typer.Exit(2)


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of a config, for editors that complete and check YAML."""
    show_lines([config_json_schema() + "\n"])


@config_app.command("show")
def config_show(path: Annotated[Path, typer.Argument(metavar="CONFIG")], overrides: Overrides = None) -> None:
    """Print a config as it resolves: every default written out, every --set applied."""
    show_lines([load_config(path, overrides or []).to_yaml()])


@schema_app.command("show")
def schema_show(
    path: Annotated[
        Path | None, typer.Option("--schema", help=f"Schema file; by default {DEFAULT_SCHEMA}, else that of the built-in model.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Print the labels, their meaning, and the rules with examples."""
    schema = load_schema(_default_schema() if path is None else path)
    if as_json:
        show_json(schema.model_dump(mode="json", by_alias=True))
        return
    out.print(f"[bold]{escape(schema.title)}[/] (version {schema.version})")
    out.print(f"{escape(schema.unit)}\n{escape(schema.multi_label)}\n")
    table = Table(title="Rules for all labels", title_justify="left", title_style="bold", show_header=False, show_lines=True)
    for rule in schema.rules:
        table.add_row(escape(rule.id or ""), f"{escape(rule.rule)}\n[italic]{escape(rule.example)}[/]")
    out.print(table)
    for label in schema.labels:
        codes = [f"PLOVER {', '.join(label.plover)}"] if label.plover else []
        codes += [f"CAMEO {', '.join(label.cameo)}"] if label.cameo else []
        out.print(f"\n[bold {label.color}]{label.mark}  {label.name}[/]  {escape(label.meaning)}")
        out.print(f"   {escape('; '.join(codes)) or 'no matching event code'}; key {label.hotkey}")
        rules = Table(show_header=False, box=None, padding=(0, 1, 0, 3))
        for sign, group in (("in", label.rules_in), ("out", label.rules_out)):
            for rule in group:
                rules.add_row(sign, f"{escape(rule.rule)}: [italic]{escape(rule.example)}[/]")
        out.print(rules)


def _default_schema() -> Path:
    """That of the checkout; elsewhere the one that the built-in model has learnt."""
    built_in = BUILT_IN_FOLDERS[BUILT_IN] / SCHEMA
    if DEFAULT_SCHEMA.exists() or not built_in.is_file():
        return DEFAULT_SCHEMA
    note(f"there is no {DEFAULT_SCHEMA} here: the schema of the built-in model")
    return built_in
