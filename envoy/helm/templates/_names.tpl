{{- /* Names, labels and images. Each takes the root context, or a dict with it as `root`. */}}

{{- /* Short enough that `-edge-cache` and a pod's suffix still fit into 63 characters. */}}
{{- define "gateway.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "gateway.metadata" -}}
name: {{ include "gateway.name" .root }}-{{ .name | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "gateway.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- /* Of one of `images`: registry/name:tag, or registry/name@digest. */}}
{{- define "gateway.image" -}}
{{- $images := .root.Values.images -}}
{{- with $images.registry }}{{ . }}/{{ end }}{{ .image.name -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ $images.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* The whole name: without it, a name that does not exist is asked for in every domain of the search list. */}}
{{- define "gateway.host" -}}
{{ include "gateway.name" .root }}-{{ .component }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}
{{- end }}
