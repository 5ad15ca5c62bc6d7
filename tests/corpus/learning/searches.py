"""GridSearchCV, cross_val_score, pipelines and column work."""
import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC

x, y = load_wine(return_X_y=True)
folds = RepeatedStratifiedKFold(n_splits=4, n_repeats=5, random_state=9)
pipe = make_pipeline(StandardScaler(), PolynomialFeatures(), SVC(random_state=0))
search = GridSearchCV(pipe, {"svc__C": np.logspace(-1, 2, 6), "svc__gamma": ["scale", 0.01]}, cv=folds)
search.fit(x, y)
print(search.best_params_["svc__gamma"], f"{search.best_params_['svc__C']:.6f} {search.best_score_:.10f}", flush=True)
for c in (0.1, 1.0, 10.0):
    scores = cross_val_score(make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=500)), x, y, cv=folds)
    print(c, f"{scores.mean():.10f} {scores.std():.10f}", flush=True)
