"""A fake Kubernetes: an API server, the controllers behind it, and a kubelet that runs processes.

None of it is kinder than the real one, where anything of ours depends on it. What a real one does,
as of 1.36, and where the fake does the same:

========================================================================  ====================
Objects have uids and one growing resource version; a patch that names    store, api
another version is a conflict, and one that names another uid is invalid
What a Job does not say is filled in, and what is empty is left out       defaults
Fields that nobody knows are refused (`fieldValidation=Strict`)           api
Watches end, are cut and grow too old, by an ERROR or by HTTP's 410;      api
bookmarks, of events none
A role allows verbs on resources, and on objects by their names           api
A server that is busy answers 429 with `Retry-After`                      api
Deletions wait for finalizers and grace; what was owned goes after        store, controllers
A pod keeps the finalizer `batch.kubernetes.io/job-tracking` until its    controllers
Job has counted it
`SuccessCriteriaMet` and `FailureTarget` come before `Complete` and       controllers
`Failed`
A suspended Job deletes its pods, and then says `Suspended`               controllers
A quota refuses the pod and not its Job; an event alone tells why         controllers
A pod that is deleted before a node took it stays Pending until the       controllers
collector of pods calls it Failed, with no reason
A lost node leaves its pods Running; `Ready` is False without a reason    kubelet.lose
A pod out of time gets SIGTERM and its grace, and is Failed even if it    kubelet
then ends well
Files of a Secret are links, 0440 with an `fsGroup` and of root,          kubelet
whatever mode was asked for; a pod waits for the Secret
A log is refused with 400 until its container has started, goes with      kubelet
its pod, and is exact to the second where it begins anew
========================================================================  ====================

What it does not do: run an image (so no user, no read-only root), rotate logs, preempt, probe,
admit by webhooks, LimitRanges or Pod Security, which tests of manifests check by themselves.
"""
