{{- define "weft.name" -}}
{{ .root.Release.Name }}-{{ .component }}
{{- end -}}

{{- /* Of what has no namespace: releases of one name in two of them do not share it. */ -}}
{{- define "weft.clusterName" -}}
{{ .root.Release.Namespace }}:{{ include "weft.name" . }}
{{- end -}}

{{- define "weft.selector" -}}
app.kubernetes.io/name: weft
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "weft.metadata" -}}
name: {{ include "weft.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "weft.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{- define "weft.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* A Service's name inside the cluster. */}}
{{- define "weft.host" -}}
{{ include "weft.name" . }}.{{ .root.Release.Namespace }}.svc
{{- end -}}

{{/* How a member of the mesh finds the control plane, and joins it. */}}
{{- define "weft.joining" -}}
{{- $host := include "weft.host" (dict "root" .root "component" "controlplane") -}}
- {name: {{ .prefix }}CONTROL_PLANE_ENDPOINT, value: "{{ $host }}:7780"}
- {name: {{ .prefix }}CONTROL_PLANE_MESH_ENDPOINT, value: "{{ $host }}:7781"}
- {name: {{ .prefix }}ENROLLMENT_TOKEN_FILE, value: /var/run/weft/enrollment/enrollment-token}
{{- end -}}

{{- define "weft.database" -}}
{{- if .database.existingSecret }}
- name: {{ .prefix }}DATABASE_URL
  valueFrom:
    secretKeyRef: {name: {{ .database.existingSecret }}, key: {{ .database.key }}}
{{- end }}
{{- end -}}

{{- define "weft.settings" -}}
{{- $prefix := .prefix }}
{{- range $name, $value := .settings }}
- {name: {{ $prefix }}{{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}

{{/* The least that a service needs: no root, no privileges, nothing to write to but its volume. */}}
{{- define "weft.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "weft.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The pod but for its container's environment and probes. */}}
{{- define "weft.pod" -}}
serviceAccountName: {{ include "weft.name" . }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
securityContext:
  {{- include "weft.podSecurity" . | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
# Longer than a container's pause and the draining of its calls together.
terminationGracePeriodSeconds: 60
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "weft.selector" $ | nindent 6 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
- name: data
  persistentVolumeClaim:
    claimName: {{ .values.persistence.existingClaim | default (include "weft.name" .) }}
- {name: tmp, emptyDir: {sizeLimit: 1Gi}}
{{- with .values.enrollment }}
- name: enrollment
  secret:
    secretName: {{ .existingSecret }}
    items: [{key: {{ .key }}, path: enrollment-token}]
    defaultMode: 288
{{- end }}
{{- with .values.edgeCertificate }}
{{- if .existingSecret }}
- name: edge
  secret: {secretName: {{ .existingSecret }}, defaultMode: 288}
{{- end }}
{{- end }}
{{- with .values.secretsKey }}
{{- if .existingSecret }}
- name: secrets-key
  secret:
    secretName: {{ .existingSecret }}
    items: [{key: {{ .key }}, path: secrets.keys}]
    defaultMode: 288
{{- end }}
{{- end }}
{{- end -}}

{{- define "weft.container" -}}
name: {{ .component }}
image: {{ include "weft.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [python, -m, {{ .component }}]
resources:
  {{- toYaml .values.resources | nindent 2 }}
securityContext:
  {{- include "weft.containerSecurity" . | nindent 2 }}
lifecycle:
  # Meanwhile the Service forgets the pod: afterwards nobody new comes.
  preStop: {sleep: {seconds: 5}}
volumeMounts:
- {name: data, mountPath: /var/lib/weft}
- {name: tmp, mountPath: /tmp}
{{- with .values.enrollment }}
- {name: enrollment, mountPath: /var/run/weft/enrollment, readOnly: true}
{{- end }}
{{- with .values.edgeCertificate }}
{{- if .existingSecret }}
- {name: edge, mountPath: /var/run/weft/edge, readOnly: true}
{{- end }}
{{- end }}
{{- with .values.secretsKey }}
{{- if .existingSecret }}
- {name: secrets-key, mountPath: /var/run/weft/secrets-key, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}

{{/* A first start may wait for a migration of its database. */}}
{{- define "weft.grpcProbes" -}}
startupProbe:
  grpc: {port: {{ .port }}, service: ""}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 120
livenessProbe:
  grpc: {port: {{ .port }}, service: ""}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  grpc: {port: {{ .port }}, service: readiness}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{- define "weft.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "weft.metadata" . | nindent 2 }}
  {{- with (.values.serviceAccount).annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "weft.claim" -}}
{{- if not .values.persistence.existingClaim }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "weft.metadata" . | nindent 2 }}
  annotations:
    # What is in it is more than the release: uninstalling leaves it.
    helm.sh/resource-policy: keep
spec:
  accessModes: [{{ .values.persistence.accessMode | default "ReadWriteOnce" }}]
  {{- with .values.persistence.storageClass }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources: {requests: {storage: {{ .values.persistence.size }}}}
{{- end }}
{{- end -}}

{{/* `ports` are the names and numbers that others use. */}}
{{- define "weft.service" -}}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "weft.metadata" . | nindent 2 }}
  {{- with (.values.service).annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ (.values.service).type | default "ClusterIP" }}
  selector:
    {{- include "weft.selector" . | nindent 4 }}
  ports:
  {{- range $name, $port := .ports }}
  {{- if ne $name "health" }}
  - name: {{ $name }}
    port: {{ $port }}
    targetPort: {{ $name }}
    {{- if eq $name "edge" }}
    appProtocol: https
    {{- end }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "weft.ports" -}}
{{- range $name, $port := .ports }}
- {name: {{ $name }}, containerPort: {{ $port }}}
{{- end }}
{{- end -}}

{{- define "weft.addresses" -}}
{{- range $name, $port := .ports }}
- {name: {{ $.prefix }}{{ upper $name }}_ADDRESS, value: "0.0.0.0:{{ $port }}"}
{{- end }}
{{- end -}}

{{- define "weft.autoscaler" -}}
{{- with .values.autoscaling }}
{{- if .enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "weft.metadata" $ | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: {{ $.kind }}, name: {{ include "weft.name" $ }}}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ .cpuPercent }}}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Replicas share a volume, and a database that takes more than one server. */}}
{{- define "weft.checkReplicas" -}}
{{- if or (gt (int .values.replicas) 1) (.values.autoscaling).enabled }}
{{- if and (not .values.persistence.existingClaim) (ne .values.persistence.accessMode "ReadWriteMany") }}
{{- fail (printf "%s: several replicas share a volume: set persistence.accessMode to ReadWriteMany" .component) }}
{{- end }}
{{- if and (hasKey .values "database") (not .values.database.existingSecret) }}
{{- fail (printf "%s: several replicas need PostgreSQL: set database.existingSecret" .component) }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
The gRPC services that a component is told from others by, in JSON: those of its contract where it
shares its host, and none where all that comes to the host is its own. What the gateway serves is
the rest of its host.
*/}}
{{- define "weft.grpcServices" -}}
{{- $hosts := .root.Values.hosts }}
{{- $others := without (list $hosts.gateway $hosts.controlPlane $hosts.workspace) .host }}
{{- $isAlone := or (eq .component "gateway") (eq (len $others) 2) }}
{{- $served := .root.Files.Get "services.yaml" | fromYaml }}
{{- ternary list (get $served .component | default list) $isAlone | toJson }}
{{- end }}
