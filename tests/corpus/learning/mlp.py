"""MLPClassifier on real digits: one fit, verbose."""
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

x, y = load_digits(return_X_y=True)
x = StandardScaler().fit_transform(x)
model = MLPClassifier((64, 32), max_iter=40, random_state=1, verbose=True, tol=0)
model.fit(x[:1400], y[:1400])
print(model.score(x[1400:], y[1400:]), f"{model.loss_:.12f}", f"{sum(c.sum() for c in model.coefs_):.10f}")
