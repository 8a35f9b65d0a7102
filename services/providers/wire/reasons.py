"""Why answers end, by what the reason means: one table for all formats.

Servers that speak a vendor's format send the reasons of other vendors, and their own, in any
spelling: `FinishReason.MAX_TOKENS`, `content_filter: PROHIBITED_CONTENT`.
"""

import re
from collections.abc import Mapping
from enum import Enum

from services.domain.sessions import FinishReason


class ReasonKind(Enum):
    """What a reason says beside the `FinishReason`s: no end, a failure, or nothing known."""

    NONE = "none"
    FAILURE = "failure"
    UNKNOWN = "unknown"


_NONE = "null none nil undefined unspecified block_reason_unspecified blocked_reason_unspecified"
_NATURAL = (
    "stop stopped stop_sequence stop_token eos eos_token end end_turn end_of_text end_of_turn "
    "complete completed completion_end done finish finished success normal natural other "
    "pause_turn tool_calls tool_call tool_use tool function_call function_calls"
)
"""Tools are never offered: an answer that calls one has ended as well as any other."""
_LENGTH = (
    "length max_tokens max_output_tokens max_completion_tokens max_new_tokens max_length "
    "max_context_length model_length token_limit limit truncated incomplete continuation "
    "context_length_exceeded context_window_exceeded model_context_window_exceeded"
)
_FILTER = (
    "content_filter content_filtered content_filter_results contentfilter filtered filter "
    "content_policy content_policy_violation safety recitation language blocklist block blocked "
    "prohibited_content spii image_safety image_prohibited_content image_recitation escalation "
    "pup_limited_disabled model_armor refusal refused sensitive moderation guardrail "
    "guardrails guardrail_intervened error_toxic"
)
_FAILURE = (
    "error errored abort aborted cancel canceled cancelled fail failed failure timeout "
    "insufficient_system_resource network_error server_error internal_error internal_server_error "
    "engine_error model_error overloaded interrupted preempted unavailable "
    "malformed_function_call malformed_response malformed_model_output malformed_tool_use "
    "missing_thought_signature too_many_tool_calls unexpected_tool_call"
)
"""The malformed ones: the model wrote something other than an answer, and it was thrown away."""

_KINDS: Mapping[str, FinishReason | ReasonKind] = {
    name: kind
    for names, kind in (
        (_NONE, ReasonKind.NONE),
        (_NATURAL, FinishReason.STOP),
        (_LENGTH, FinishReason.LENGTH),
        (_FILTER, FinishReason.CONTENT_FILTER),
        (_FAILURE, ReasonKind.FAILURE),
    )
    for name in names.split()
}

_NAME = re.compile(r"\s*(?:finish_?reason[._])?([a-z_]*)")
_ANY_FAILURE = "error_"


def kind_of_reason(reason: object) -> FinishReason | ReasonKind:
    """Sort a reason; words behind it do not count. An empty one is none."""
    if not reason:
        return ReasonKind.NONE
    text = str(reason).lower().replace("-", "_")
    found = _NAME.match(text)
    name = found[1].strip("_") if found else ""
    if not name:
        return ReasonKind.NONE if not text.strip() else ReasonKind.UNKNOWN
    unknown = ReasonKind.FAILURE if name.startswith(_ANY_FAILURE) else ReasonKind.UNKNOWN
    return _KINDS.get(name, unknown)
