"""The rules of the schema as instructions for annotators."""

from __future__ import annotations

from html import escape

from pactag.schema import Rule, Schema


def guide_markdown(schema: Schema) -> str:
    """All rules as Markdown, for tools whose guideline page takes it."""
    lines = [f"# {schema.title}", "", schema.unit, "", schema.multi_label, ""]
    if schema.rules:
        lines += ["## Rules for all labels", "", *(_item(rule) for rule in schema.rules), ""]
    for label in schema.labels:
        lines += [f"## {label.name} ({label.hotkey})", "", label.meaning, ""]
        for heading, rules in (("It is one:", label.rules_in), ("It is none:", label.rules_out)):
            if rules:
                lines += [heading, "", *(_item(rule) for rule in rules), ""]
    return "\n".join(lines)


def guide_html(schema: Schema) -> str:
    """All rules as one HTML fragment with escaped text."""
    parts = [f"<h2>{escape(schema.title)}</h2><p>{escape(schema.unit)}</p><p>{escape(schema.multi_label)}</p>"]
    if schema.rules:
        parts.append(f"<h3>Rules for all labels</h3>{_list(schema.rules)}")
    for label in schema.labels:
        parts.append(f'<h3 style="color: {label.color}">{label.name} ({escape(label.hotkey)})</h3><p>{escape(label.meaning)}</p>')
        for heading, rules in (("It is one:", label.rules_in), ("It is none:", label.rules_out)):
            if rules:
                parts.append(f"<p>{heading}</p>{_list(rules)}")
    return "\n".join(parts) + "\n"


def _item(rule: Rule) -> str:
    name = f"**{rule.id}** " if rule.id else ""
    return f"- {name}{rule.rule} *{rule.example}*"


def _list(rules: tuple[Rule, ...]) -> str:
    items = "".join(
        f"<li>{f'<b>{escape(rule.id)}</b> ' if rule.id else ''}{escape(rule.rule)} <i>{escape(rule.example)}</i></li>" for rule in rules
    )
    return f"<ul>{items}</ul>"
