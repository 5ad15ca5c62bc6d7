"""Gradient boosting, AdaBoost and random forest, one after the other."""
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, RandomForestClassifier

x, y = load_breast_cancer(return_X_y=True)
models = [
    GradientBoostingClassifier(n_estimators=120, subsample=0.7, random_state=2, verbose=0),
    AdaBoostClassifier(n_estimators=60, random_state=4),
    RandomForestClassifier(n_estimators=150, random_state=6, oob_score=True),
]
for model in models:
    model.fit(x[::2], y[::2])
    print(type(model).__name__, model.score(x[1::2], y[1::2]), f"{model.predict_proba(x[1::2])[:, 1].sum():.10f}", flush=True)
