"""What mkdocs is told beside mkdocs.yml.

Headings have the anchors that they have on GitHub, pages that stand beside docs/ are on the site too,
and decisions are listed by themselves. So one page serves both, with the same links.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md")


def on_config(config: Any) -> Any:
    """Anchors in the manner of GitHub, and every decision in the navigation."""
    config.mdx_configs["toc"]["slugify"] = anchor
    docs = Path(config.docs_dir)
    decisions = sorted(path.relative_to(docs).as_posix() for path in docs.glob("decisions/*.md"))
    config.nav.append({"Decisions": decisions})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Return the pages beside docs/, as if they stood in it."""
    root = Path(config.config_file_path).parent
    for name in BESIDE:
        files.append(File.generated(config, name, abs_src_path=str(root / name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links between docs/ and what stands beside it, as they are on the site."""
    if page.file.src_uri in BESIDE:
        return re.sub(r"\]\(docs/", "](", markdown)
    return re.sub(rf"\]\(\.\./({'|'.join(map(re.escape, BESIDE))})", r"](\1", markdown)


def anchor(heading: str, separator: str) -> str:
    """Return what a link to a heading names: small letters, a hyphen for each blank."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)
