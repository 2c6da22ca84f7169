"""A fake Kubernetes: an API server, the controllers behind it, and a kubelet that runs processes.

None of it is kinder than the real one: objects have uids and one growing resource version,
watches end, are cut and grow too old, deletions wait for finalizers and grace.
"""
