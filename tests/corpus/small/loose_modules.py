"""Modules that no table holds: one read from a file by its spec, one made by hand."""
import importlib.util
import types

with open("plug.py", "w") as fh:
    fh.write("VALUE = 1\nVALUE += 1\nG = globals()\ndef hook(x):\n    return x + VALUE\nclass K:\n    def m(self):\n        return VALUE\n")
spec = importlib.util.spec_from_file_location("plug_x", "plug.py")
mod = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mod)
print(sorted(mod.__dict__))
print(mod.__dict__ is getattr(mod, "G", None))
for v in (5, 6, 7):
    mod.VALUE = v
    print(mod.hook(1), mod.K().m(), mod.hook.__globals__["VALUE"])
dyn = types.ModuleType("dyn", "docs")
exec("def g(n):\n    for i in range(n):\n        yield i * k\nk = 3\n", dyn.__dict__)
it = dyn.g(4)
print(next(it))
dyn.k = 5
print(next(it))
vars(dyn)["k"] = 7
print(list(it), dyn.__doc__, dyn, mod.__spec__ is spec, spec.loader is mod.__loader__)
