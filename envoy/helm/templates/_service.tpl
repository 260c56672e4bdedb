{{- /* Of a process that Envoy calls: root, component, port. The chart's own Envoy balances over the pods itself,
       and so has to see each of them by name; a mesh takes them from the cluster. `clusterIP` can never change,
       hence two names. */}}
{{- define "gateway.service" -}}
apiVersion: v1
kind: Service
metadata: {{- include "gateway.metadata" (merge (dict "name" (include "gateway.service-name" .)) .) | nindent 2 }}
spec:
  {{- if eq .root.Values.envoy.kind "own" }}
  clusterIP: None
  {{- end }}
  selector: {{- include "gateway.selector" . | nindent 4 }}
  # By name and by protocol, since meshes differ in what they read.
  ports: [{ name: http2, port: {{ .port }}, targetPort: http, appProtocol: kubernetes.io/h2c }]
{{- end }}

{{- define "gateway.service-name" -}}
{{ .component }}{{ if eq .root.Values.envoy.kind "own" }}-pods{{ end }}
{{- end }}

{{- /* root, component, port: where Envoy finds it. */}}
{{- define "gateway.address" -}}
{{ include "gateway.host" (dict "root" .root "component" (include "gateway.service-name" .)) }}:{{ .port }}
{{- end }}
