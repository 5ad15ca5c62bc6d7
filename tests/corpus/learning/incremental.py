"""partial_fit in a loop of one's own, text features, mixture models, decomposition."""
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, IncrementalPCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.utils import shuffle

x, y = load_digits(return_X_y=True)
texts = [" ".join(f"w{int(v)}" for v in row if v) for row in x[:300]]
line = SGDClassifier(random_state=0, loss="log_loss")
small, parts = MiniBatchKMeans(10, random_state=1, n_init=1), IncrementalPCA(6)
for epoch in range(40):
    xs, ys = shuffle(x, y, random_state=epoch)
    for start in range(0, 1500, 250):
        batch = xs[start:start + 250]
        line.partial_fit(batch, ys[start:start + 250], classes=np.arange(10))
        small.partial_fit(batch)
        parts.partial_fit(batch)
    print(epoch, f"{line.score(xs[1500:], ys[1500:]):.6f} {small.inertia_:.6f} {parts.singular_values_[0]:.6f}", flush=True)
words = TfidfVectorizer().fit_transform(texts)
print(words.shape, f"{NMF(5, random_state=2, max_iter=60, init='nndsvda', tol=0).fit(words).reconstruction_err_:.8f}")
print(f"{GaussianMixture(8, random_state=3, max_iter=60).fit(parts.transform(x)).lower_bound_:.8f}")
