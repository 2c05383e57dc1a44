"""The help of all commands, written into docs/reference.md where the page says `{{ commands }}`; a hook of MkDocs."""

from __future__ import annotations

from collections.abc import Iterator

from typer.core import TyperGroup
from typer.main import get_command

from fulgurite.cli import app


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the mark in a page."""
    return markdown.replace("{{ commands }}", "\n".join(helps()))


def helps() -> Iterator[str]:
    """The help of each command as Markdown, `fulgurite` itself first."""
    root = get_command(app)
    todo = [root.context_class(root, info_name="fulgurite", terminal_width=100, **root.context_settings)]
    for context in todo:
        yield f"### `{context.command_path}`\n\n```text\n{context.get_help()}\n```\n"
        if isinstance(context.command, TyperGroup):
            todo += [
                each.context_class(each, info_name=name, parent=context, terminal_width=100, **each.context_settings)
                for name, each in context.command.commands.items()
            ]
