"""A real pipeline on real data: which model tells malignant tumours from benign ones best?

The data set ships inside scikit-learn (569 patients, 30 measurements each), so nothing is
downloaded. Several models train side by side, the best one is kept with a plot of its errors.

    weft run examples/breast_cancer.py
    weft run examples/breast_cancer.py --test-share 0.3
    weft run examples/breast_cancer.py --fail          # a step that raises, to see how that looks
"""

import logging
from typing import Annotated, TypedDict

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from weft import log_metrics, pipeline, step

log = logging.getLogger("breast_cancer")
SEED = 7


class Score(TypedDict):
    """How well a model does on patients it has never seen."""

    model: str
    accuracy: float
    roc_auc: float


@step
def load() -> pd.DataFrame:
    """Load the measurements, the diagnosis in the column "malignant"."""
    data = load_breast_cancer(as_frame=True)
    frame = data.data.assign(malignant=(data.target == 0).astype("int64"))
    log.info("loaded %d patients with %d measurements each", len(frame), frame.shape[1] - 1)
    return frame


@step
def validate(frame: pd.DataFrame, *, fail: bool = False) -> pd.DataFrame:
    """Refuse data that no model should be trained on."""
    missing = int(frame.isna().sum().sum())
    print(f"{missing} values are missing, {frame['malignant'].mean():.0%} of the tumours malignant")
    if fail:
        frame = frame.assign(**{"mean radius": -frame["mean radius"]})
    negative = frame.columns[(frame < 0).any()].tolist()
    if missing or negative:
        raise ValueError(f"not usable: {missing} missing values, negative columns {negative}")
    return frame


@step
def split(
    frame: pd.DataFrame, test_share: float
) -> tuple[Annotated[pd.DataFrame, "train"], Annotated[pd.DataFrame, "test"]]:
    """Set patients aside that no model sees while it learns."""
    train, test = train_test_split(
        frame, test_size=test_share, random_state=SEED, stratify=frame["malignant"]
    )
    log.info("%d patients to learn from, %d to judge by", len(train), len(test))
    return train, test


@step
def train(kind: str, data: pd.DataFrame) -> ClassifierMixin:
    """Train one kind of model."""
    model = make_model(kind)
    features, target = data.drop(columns="malignant"), data["malignant"]
    model.fit(features, target)
    log.info("%s: %.3f accurate on what it learned", kind, model.score(features, target))
    return model


@step
def evaluate(kind: str, model: ClassifierMixin, test: pd.DataFrame) -> Score:
    """Judge one model by patients it has never seen."""
    features, target = test.drop(columns="malignant"), test["malignant"]
    score = Score(
        model=kind,
        accuracy=float(accuracy_score(target, model.predict(features))),
        roc_auc=float(roc_auc_score(target, model.predict_proba(features)[:, 1])),
    )
    log_metrics({"accuracy": score["accuracy"], "roc_auc": score["roc_auc"]})
    print(f"{kind}: accuracy {score['accuracy']:.3f}, ROC AUC {score['roc_auc']:.3f}")
    return score


@step
def select(
    kinds: list[str], models: list[ClassifierMixin], scores: list[Score], test: pd.DataFrame
) -> tuple[
    Annotated[ClassifierMixin, "best_model"],
    Annotated[Score, "best_score"],
    Annotated[Figure, "confusion"],
]:
    """Keep the best model, with a picture of the mistakes it still makes."""
    best = int(np.argmax([score["roc_auc"] for score in scores]))
    log.info("the best of %s is %s", kinds, kinds[best])
    log_metrics({"accuracy": scores[best]["accuracy"], "roc_auc": scores[best]["roc_auc"]})
    return models[best], scores[best], draw_confusion(models[best], test)


@pipeline
def breast_cancer(test_share: float = 0.25, *, fail: bool = False) -> None:
    """Load, validate, split, train three models side by side, evaluate, select."""
    kinds = ["logistic", "forest", "boosting"]
    data = split(validate(load(), fail=fail), test_share)
    models = train.map(kinds, data=data.train)
    scores = evaluate.map(kinds, models, test=data.test)
    select(kinds, models, scores, data.test)


def make_model(kind: str) -> Pipeline:
    """An untrained model of a kind, with the scaling it needs."""
    estimators = {
        "logistic": LogisticRegression(max_iter=1000, random_state=SEED),
        "forest": RandomForestClassifier(n_estimators=100, random_state=SEED),
        "boosting": GradientBoostingClassifier(random_state=SEED),
    }
    return make_pipeline(StandardScaler(), estimators[kind])


def draw_confusion(model: ClassifierMixin, test: pd.DataFrame) -> Figure:
    """Draw how many diagnoses are right and wrong."""
    features, target = test.drop(columns="malignant"), test["malignant"]
    table = confusion_matrix(target, model.predict(features))
    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(table, cmap="Blues")
    for (row, column), count in np.ndenumerate(table):
        axes.text(column, row, str(count), ha="center", va="center")
    names = ["benign", "malignant"]
    axes.set(xticks=[0, 1], yticks=[0, 1], xticklabels=names, yticklabels=names)
    axes.set(xlabel="predicted", ylabel="true")
    return figure


if __name__ == "__main__":
    breast_cancer()
