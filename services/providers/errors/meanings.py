"""What an error means: servers say the same with many statuses, so their words count too.

The names and sentences are those that servers send, as public reports quote them
(Documentation/untidy-servers.md).
"""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from services.providers.errors.explanations import Explanation

_PAYMENT_REQUIRED, _NOT_FOUND, _NO_METHOD = 402, 404, 405
_OF_CLIENT = range(400, 500)
_NOT_OF_MODEL = frozenset({401, 408, 409, 413, 429})
"""A model that is being loaded answers so: it is there a little later."""


class Meaning(Enum):
    """What an error is about; OTHER: what its status says."""

    UNPAID = auto()
    KEY = auto()
    FILTERED = auto()
    MODEL = auto()
    ADDRESS = auto()
    TOO_LARGE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class _Sign:
    """How a meaning is known: by names anywhere, or by what is said with certain statuses.

    `names` are in a name, however it goes on; with those statuses, too.
    """

    meaning: Meaning
    codes: frozenset[str]
    sentences: re.Pattern[str]
    statuses: Container[int] = _OF_CLIENT
    names: re.Pattern[str] = re.compile(r"(?!)")

    def may_be(self, status: int | None) -> bool:
        return status is None or status in self.statuses

    def is_named(self, status: int | None, codes: Iterable[str]) -> bool:
        may_be = self.may_be(status)
        return any(code in self.codes or (may_be and self.names.search(code)) for code in codes)

    def is_said(self, status: int | None, words: str) -> bool:
        return self.may_be(status) and self.sentences.search(words) is not None


_SIGNS = (
    _Sign(
        Meaning.UNPAID,
        frozenset(
            {
                *("insufficient_quota", "insufficient_balance", "insufficient_funds", "arrearage"),
                *("insufficient_credits", "insufficient_user_quota", "payment_required"),
                *("pre_consume_token_quota_failed", "exceeded_current_quota_error"),
                *("billing_error", "billing_not_active", "billing_hard_limit_reached"),
                *("billing_disabled", "credits_exhausted", "budget_exceeded"),
                *("contract_spend_limit_reached", "enforced_spend_limit_reached"),
                *("accountoverdueerror", "account_overdue", "credit_balance_too_low"),
            }
        ),
        re.compile(
            r"credit balance (?:is|too|has)|insufficient (?:\w+ )?(?:balance|credits?|funds)"
            r"|out of credits"
            r"|balance is (?:too low|insufficient|not enough)|(?:credits|balance) (?:are|is) deplet"
            r"|(?:no|any|all available|not enough|more|enough) credits|payment (?:is )?required"
            r"|requires billing|enable billing|billing (?:is |has been )?(?:not |disabled)"
            r"|without a billing account"
            r"|spend(?:ing)? (?:limit|cap)|budget has been exceeded|overdue payment|in arrears"
            r"|account is (?:not active|not in good standing)"
            r"|余额不足|余额已用完|欠费|额度不足|额度已用尽"
        ),
        names=re.compile(
            r"(?<!load)(?<!load[ _-])balance(?![rd])|billing|arrear|unpaid|payment"
            r"|credit(?!ential|[ _-]?card)"
        ),
    ),
    _Sign(
        Meaning.KEY,
        frozenset(
            {
                *("invalid_api_key", "authentication_error", "api_key_invalid", "api_key_expired"),
                *("account_deactivated", "unauthenticated", "api_key_service_blocked"),
                *("api_key_http_referrer_blocked", "api_key_ip_address_blocked"),
            }
        ),
        re.compile(
            r"(?:incorrect|invalid|expired|missing) (?:\w+ )?(?:api[ -]?key|api token|credentials)"
            r"|api[ -]?key (?:is )?(?:not valid|invalid|expired|missing|not found)"
            r"|(?:account|organization) (?:is|was|has been) (?:deactivated|suspended|disabled)"
            r"|(?:location|country|region|territory) (?:is )?not supported"
        ),
    ),
    _Sign(
        Meaning.FILTERED,
        frozenset(
            {
                *("content_filter", "content_policy_violation", "responsibleaipolicyviolation"),
                *("content_filtered", "content_blocked", "prompt_blocked", "moderation_blocked"),
                *("data_inspection_failed", "datainspectionfailed", "sensitive_words_detected"),
                *("inputtextsensitivecontentdetected", "sensitivecontentdetected"),
                *("prohibited_content", "content_violation", "content_moderation"),
            }
        ),
        re.compile(
            r"content management policy|content filter(?:ing)? polic|safety_check_type"
            r"|(?:content|prompt|request|input) .{0,40}violat\w+ "
            r"(?!.{0,40}(?:organi[sz]ation|security|access|network|rate))"
            r".{0,40}(?:guideline|polic)"
            r"|rejected .{0,40}safety system|blocked by .{0,40}(?:content|safety) filter"
            r"|(?:prompt|input|content|request) (?:was|is|has been) flagged|inappropriate content"
            r"|content exists risk|considered high risk|prohibited[_ ]content|sensitive content"
        ),
        frozenset({400, 403, 422, 451}),
    ),
    _Sign(
        Meaning.MODEL,
        frozenset(
            {
                *("model_not_found", "model_not_exist", "modelnotfound", "no_such_model"),
                *("unknown_model", "invalid_model", "deploymentnotfound", "model_decommissioned"),
                *("model_not_available", "model_deprecated", "modelnotopen"),
            }
        ),
        re.compile(
            r"\b(?:models?|deployment)\b[^a-z0-9]"
            r"(?:(?!\b(?:file|image|url|tool|function|field|param|temperature))[^,]){0,120}?"
            r"(?:n[o']t exist|not a valid model"
            r"|n[o']t be found|not found|not loaded|is not available|no longer (?:available|supp)"
            r"|(?:has been|is|was) (?:decommission|deprecat|retir)ed|identifier is invalid)"
            r"|\b(?:unknown|invalid|no such) model\b|not a valid model|no models? (?:are )?loaded"
            r"|no endpoints found|^model: \S+$|no such deployment"
        ),
        frozenset(_OF_CLIENT) - _NOT_OF_MODEL,
    ),
    _Sign(
        Meaning.TOO_LARGE,
        frozenset(
            {
                *("context_length_exceeded", "exceed_context_size_error", "request_too_large"),
                *("string_above_max_length", "context_window_exceeded"),
            }
        ),
        re.compile(
            r"context (?:size|length|window)|prompt is too long|input is too long"
            r"|request too large|more system memory"
        ),
        range(400, 600),
        re.compile("context_?(?:length|size|window)"),
    ),
)
"""The first that fits counts; a name goes before a sentence."""

_ADDRESS_CODES = frozenset({"unknown_url"})
_ADDRESS = re.compile(
    r"page not found|^(?:404:? )?not found\.?$|cannot (?:post|get)|invalid url|no route"
    r"|^(?:the )?(?:requested )?(?:resource|file|url|path|route) not found|unexpected endpoint"
    r"|(?:url|path|route) .{0,80}not found|unknown (?:request )?url"
)


def meaning_of(status: int | None, told: Explanation) -> Meaning:
    """Tell what an error with a status of 300 and more is about, or one without a status."""
    if status == _PAYMENT_REQUIRED:
        return Meaning.UNPAID
    for sign in _SIGNS:
        if sign.is_named(status, told.codes):
            return sign.meaning
    for sign in _SIGNS:
        if sign.is_said(status, told.whole):
            return sign.meaning
    if status in (_NOT_FOUND, _NO_METHOD):
        return Meaning.ADDRESS if _is_of_address(status, told) else Meaning.MODEL
    return Meaning.OTHER


def _is_of_address(status: int | None, told: Explanation) -> bool:
    """Tell whether the path is unknown, and not the model; a bare 404 of an API is the model's."""
    if status == _NO_METHOD or told.is_page or told.codes & _ADDRESS_CODES:
        return True
    return not told.message or bool(_ADDRESS.search(told.whole))
