{{- /* What every pod of this chart has in common. */}}

{{- /* root, component; labels: others, as a dict. */}}
{{- define "gateway.pod-metadata" -}}
labels:
  {{- include "gateway.selector" . | nindent 2 }}
  {{- with merge (dict) (.labels | default dict) .root.Values.pods.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  {{- $own := dict "payment-gateway/secrets-revision" .root.Values.secrets.revision }}
  {{- merge $own (.annotations | default dict) .root.Values.pods.annotations | toYaml | nindent 2 }}
{{- end }}

{{- define "gateway.pod-spec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.pods.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* Two of a kind on one node die together. */}}
{{- define "gateway.spread" -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "gateway.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}

{{- define "gateway.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- /* root, secrets: setting -> reference. Each as a file of the setting's name. */}}
{{- define "gateway.secret-volume" -}}
name: secrets
projected:
  defaultMode: 0440
  sources:
    {{- range $setting, $secret := .secrets }}
    - secret:
        name: {{ $secret.name }}
        items: [{ key: {{ $secret.key | quote }}, path: {{ $setting }} }]
    {{- end }}
{{- end }}

{{- /* What settings name as /files/…. */}}
{{- define "gateway.files-volume" -}}
name: files
projected:
  defaultMode: 0440
  sources:
    {{- range .Values.files }}
    - {{ ternary "configMap" "secret" (hasKey . "configMap") }}:
        name: {{ .configMap | default .secret }}
        items: [{ key: {{ .key | quote }}, path: {{ .name | quote }} }]
    {{- end }}
{{- end }}

{{- /* own: what the chart sets; settings: what the values set, nothing of which the chart does; secrets: setting
       -> reference of those that are read from a file; variables: those that can only be variables; of: the name
       of `settings`. */}}
{{- define "gateway.environment" -}}
{{- /* A test holds it equal to what the programs know as secrets. */}}
{{- $secret := list "AMQP_URI" "AUDIT_SIGNING_KEY" "DB_URI" "EDGE_ATTESTATION_KEYS" "ENCRYPTION_KEYS" "GATEWAY_CLIENTS" "OUTGOING_PROXY" "PAYPAL_CLIENT_ID" "PAYPAL_CLIENT_SECRET" "REDIS_URI" "STRIPE_SECRET_KEY" "STRIPE_WEBHOOK_SECRETS" "VAULT_TOKEN" }}
{{- /* What other values say, also where the chart gives nothing of the name right now. */}}
{{- $elsewhere := dict
  "ALLOW_PLAINTEXT" "use `allowPlaintext`" "GATEWAY_PROFILE" "it is `production` here"
  "STRIPE_API_BASE" "use `providers.stripe.apiBase`" "PAYPAL_API_BASE" "use `providers.paypal.apiBase`"
  "PAYPAL_WEBHOOK_ID" "use `providers.paypal.webhookId`"
  "ENVOY_ADMIN_LISTEN" "run-envoy.sh drains Envoy by way of 127.0.0.1:9901" }}
{{- range list "SERVICE_TLS_CERTIFICATE" "SERVICE_TLS_PRIVATE_KEY" "SERVICE_TLS_CLIENT_CA" "SERVICE_TLS_CLIENT_NAMES" "CONTROL_PLANE_CA" "EDGE_CACHE_CA" "ENVOY_CLIENT_CERTIFICATE" "ENVOY_CLIENT_PRIVATE_KEY" }}
{{- $_ := set $elsewhere . "use `tls`" }}
{{- end }}
{{- range list "CONTROL_PLANE_LISTEN" "EDGE_CACHE_LISTEN" "WORKER_LISTEN" "MIGRATE_ON_START" "CONTROL_PLANE_ADDRESS" "EDGE_CACHE_ADDRESS" "EDGE_FILTER_WASM" "TLS_CERTIFICATE" "TLS_PRIVATE_KEY" "GATEWAY_TLS_LISTEN" "ENVOY_STATS_LISTEN" }}
{{- $_ := set $elsewhere . "the chart knows it itself" }}
{{- end }}
{{- range $name, $value := .settings }}
{{- if has ($name | trimSuffix "_FILE") $secret }}
{{- fail (printf "%s.%s: secrets are no values of this chart. Put it into a Secret and name that one in `secrets` or `providers`" $.of $name) }}
{{- end }}
{{- if hasKey $.own $name }}
{{- fail (printf "%s.%s: the chart sets it itself, to %q" $.of $name (get $.own $name)) }}
{{- end }}
{{- with get $elsewhere $name }}
{{- fail (printf "%s.%s: %s" $.of $name .) }}
{{- end }}
{{- end }}
{{- range $name, $value := merge (dict) .own .settings }}
- name: {{ $name }}
  {{- /* Helm reads numbers as floating point, and would write a million as 1e+06. */}}
  value: {{ (kindIs "float64" $value) | ternary (toString (int64 $value)) (toString $value) | quote }}
{{- end }}
{{- range $name, $_ := .secrets }}
- name: {{ $name }}_FILE
  value: /secrets/{{ $name }}
{{- end }}
{{- range $name, $secret := .variables }}
- name: {{ $name }}
  valueFrom: { secretKeyRef: { name: {{ $secret.name }}, key: {{ $secret.key | quote }} } }
{{- end }}
{{- end }}
