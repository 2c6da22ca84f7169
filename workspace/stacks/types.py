"""The types of components, and what a stack may have of each."""

TYPES = (
    "orchestrator",
    "artifact_store",
    "container_registry",
    "image_builder",
    "step_operator",
    "log_store",
    "experiment_tracker",
    "alerter",
    "model_registry",
    "model_deployer",
    "feature_store",
    "data_validator",
    "annotator",
)
# Steps choose among these by name; of everything else a run can use one.
SEVERAL = frozenset(
    {"step_operator", "experiment_tracker", "alerter", "data_validator", "annotator"}
)
