"""What servers give back, as text for a model: text as it is, everything else named in a line."""

import json

import mcp_types as types

from rlm_tui.mcp_client.facts import short


def result_text(result: types.CallToolResult) -> str:
    """Return the text of a tool's result; its structured part where it has no other."""
    parts = [_block_text(block) for block in result.content]
    if not parts and result.structured_content is not None:
        parts = [json.dumps(result.structured_content, ensure_ascii=False, indent=1)]
    return "\n".join(parts)


def resource_text(result: types.ReadResourceResult) -> str | None:
    """Return the text of a resource's parts, None where no part is text."""
    texts = [part.text for part in result.contents if isinstance(part, types.TextResourceContents)]
    return "\n".join(texts) if texts else None


def _block_text(block: types.ContentBlock) -> str:
    match block:
        case types.TextContent():
            return block.text
        case types.ImageContent() | types.AudioContent():
            return f"[{block.type}, {short(block.mime_type, 40)}, {len(block.data) * 3 // 4:,} bytes: not shown]"
        case types.ResourceLink():
            return f"[resource {short(block.uri)}: {short(block.title or block.name)}]"
        case types.EmbeddedResource():
            inner = block.resource
            if isinstance(inner, types.TextResourceContents):
                return inner.text
            return f"[resource {short(inner.uri)}, {len(inner.blob) * 3 // 4:,} bytes: not shown]"
