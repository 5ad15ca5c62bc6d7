"""Estimators that use several workers: a forest, and a search over a grid."""

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

rng = np.random.default_rng(5)
data = rng.normal(size=(240, 6))
labels = (data[:, 0] * data[:, 1] + 0.3 * data[:, 2] > 0).astype(int)

for turn in range(3):
    forest = RandomForestClassifier(40, n_jobs=2, random_state=turn).fit(data, labels)
    print("forest", turn, forest.predict_proba(data[:3]).round(6).tolist(), flush=True)
    grid = GridSearchCV(SVC(), {"C": [0.1, 1.0, 10.0], "gamma": [0.1, 1.0]}, n_jobs=2, cv=3)
    grid.fit(data, labels)
    print("grid", turn, grid.best_params_, grid.cv_results_["mean_test_score"].round(6).tolist())
