"""Field rules of the contract (`weftapi.options.v1.field`): what a request may say.

`compile_all` turns the options into closures when a server starts and fails on a bad rule;
`check` runs them. The other functions apply the options that say how a field is treated:
sensitive, output-only, immutable.
"""

from meshkit.rules.compiler import MAX_VIOLATIONS, BadRuleError, check, compile_all, field_rules
from meshkit.rules.treatment import (
    clear_output_only,
    redacted,
    resolve_update_mask,
    sensitive_paths,
)

__all__ = [
    "MAX_VIOLATIONS",
    "BadRuleError",
    "check",
    "clear_output_only",
    "compile_all",
    "field_rules",
    "redacted",
    "resolve_update_mask",
    "sensitive_paths",
]
