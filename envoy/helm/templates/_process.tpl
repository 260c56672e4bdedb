{{- /* One kind of process of the control plane: its Deployment, and what keeps enough of it running. root,
       component, command, port, values (of this kind), own, secrets, variables (see gateway.environment), grace:
       seconds that it may take to end after the signal, key: the name of its values. */}}
{{- define "gateway.process" -}}
{{- $tls := .root.Values.tls.enabled }}
{{- $_ := set . "own" (merge .own (include "gateway.security-settings" .root | fromYaml)) }}
apiVersion: apps/v1
kind: Deployment
metadata: {{- include "gateway.metadata" . | nindent 2 }}
spec:
  {{- if not (dig "autoscaling" "enabled" false .values) }}
  replicas: {{ .values.replicas }}
  {{- end }}
  # None goes before another is ready.
  strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  selector:
    matchLabels: {{- include "gateway.selector" . | nindent 6 }}
  template:
    metadata: {{- include "gateway.pod-metadata" . | nindent 6 }}
    spec:
      {{- include "gateway.pod-spec" . | nindent 6 }}
      {{- include "gateway.spread" . | nindent 6 }}
      # The pause before the signal, the work in flight, and a little more.
      terminationGracePeriodSeconds: {{ add 5 .grace 5 }}
      containers:
        - name: {{ .component }}
          image: {{ include "gateway.image" (dict "root" .root "image" .root.Values.images.controlPlane) }}
          imagePullPolicy: {{ .root.Values.images.pullPolicy }}
          args: [{{ .command }}]
          ports: [{ name: http, containerPort: {{ .port }} }]
          env: {{- include "gateway.environment" (merge (dict "settings" .values.settings "of" (printf "%s.settings" .key)) .) | trim | nindent 12 }}
          volumeMounts:
            - { name: secrets, mountPath: /secrets, readOnly: true }
            {{- if $tls }}
            - { name: service-tls, mountPath: /service-tls, readOnly: true }
            {{- end }}
            {{- if .root.Values.files }}
            - { name: files, mountPath: /files, readOnly: true }
            {{- end }}
          securityContext: {{- include "gateway.container-security" . | nindent 12 }}
          resources: {{- toYaml .values.resources | nindent 12 }}
          # A first start may wait for the database and for a lock.
          startupProbe:
            {{- include "gateway.probe" (dict "tls" $tls "port" .port "ready" false) | nindent 12 }}
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 60
          # It says that the process lives, and nothing of what it needs: a database that is away is no reason to
          # restart it.
          livenessProbe:
            {{- include "gateway.probe" (dict "tls" $tls "port" .port "ready" false) | nindent 12 }}
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 6
          # It proves a write, for which it may take 1.5 s.
          readinessProbe:
            {{- include "gateway.probe" (dict "tls" $tls "port" .port "ready" true) | nindent 12 }}
            periodSeconds: 3
            timeoutSeconds: 3
            failureThreshold: 2
          # Until every Envoy has heard that it goes.
          lifecycle: { preStop: { sleep: { seconds: 5 } } }
      volumes:
        - {{- include "gateway.secret-volume" . | nindent 10 }}
        {{- if $tls }}
        - { name: service-tls, secret: { secretName: {{ .root.Values.tls.services }}, defaultMode: 0440 } }
        {{- end }}
        {{- if .root.Values.files }}
        - {{- include "gateway.files-volume" .root | nindent 10 }}
        {{- end }}
---
{{ include "gateway.keep-running" . }}
{{- end }}

{{- /* root, component, values. */}}
{{- define "gateway.keep-running" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "gateway.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  # One that does not work anyway may go.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "gateway.selector" . | nindent 6 }}
{{- with .values.autoscaling }}
{{- if .enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{- include "gateway.metadata" $ | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ include "gateway.name" $.root }}-{{ $.component }} }
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource: { name: cpu, target: { type: Utilization, averageUtilization: {{ .cpuPercent }} } }
  behavior:
    # A crowd that comes and goes does not take the pods of the next one with it.
    scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: Pods, value: 1, periodSeconds: 60 }] }
{{- end }}
{{- end }}
{{- end }}

{{- /* tls, port, ready. The kubelet has no client certificate, so with TLS the program asks itself. */}}
{{- define "gateway.probe" -}}
{{- if .tls -}}
exec: { command: [control-plane, ready, {{ if not .ready }}--alive, {{ end }}"127.0.0.1:{{ .port }}"] }
{{- else -}}
httpGet: { path: {{ ternary "/readyz" "/healthz" .ready }}, port: http }
{{- end }}
{{- end }}

{{- /* What goes in clear text, and how the rest is encrypted. */}}
{{- define "gateway.security-settings" -}}
GATEWAY_PROFILE: production
{{- with .Values.allowPlaintext }}
ALLOW_PLAINTEXT: {{ join "," . | quote }}
{{- end }}
{{- if .Values.tls.enabled }}
SERVICE_TLS_CERTIFICATE: /service-tls/tls.crt
SERVICE_TLS_PRIVATE_KEY: /service-tls/tls.key
SERVICE_TLS_CLIENT_CA: /service-tls/ca.crt
SERVICE_TLS_CLIENT_NAMES: {{ join "," .Values.tls.clientNames | quote }}
{{- end }}
{{- end }}

{{- /* The settings that control planes and workers share. */}}
{{- define "gateway.provider-settings" -}}
MIGRATE_ON_START: "off"
{{- with .Values.providers.stripe }}{{ if .enabled }}
STRIPE_API_BASE: {{ .apiBase }}
{{- end }}{{ end }}
{{- with .Values.providers.paypal }}{{ if .enabled }}
PAYPAL_API_BASE: {{ .apiBase }}
{{- end }}{{ end }}
{{- end }}

{{- define "gateway.provider-secrets" -}}
DB_URI: {{ toJson .Values.secrets.database }}
{{- with .Values.secrets.encryptionKeys }}
ENCRYPTION_KEYS: {{ toJson . }}
{{- end }}
{{- with .Values.secrets.vaultToken }}
VAULT_TOKEN: {{ toJson . }}
{{- end }}
{{- with .Values.secrets.outgoingProxy }}
OUTGOING_PROXY: {{ toJson . }}
{{- end }}
{{- with .Values.secrets.auditSigningKey }}
AUDIT_SIGNING_KEY: {{ toJson . }}
{{- end }}
{{- with .Values.secrets.queue }}
AMQP_URI: {{ toJson . }}
{{- end }}
{{- with .Values.providers.stripe }}{{ if .enabled }}
STRIPE_SECRET_KEY: {{ toJson .secretKey }}
{{- end }}{{ end }}
{{- with .Values.providers.paypal }}{{ if .enabled }}
PAYPAL_CLIENT_SECRET: {{ toJson .clientSecret }}
{{- end }}{{ end }}
{{- end }}

{{- define "gateway.provider-variables" -}}
{{- with .Values.providers.paypal }}{{ if .enabled }}
PAYPAL_CLIENT_ID: {{ toJson .clientId }}
{{- end }}{{ end }}
{{- end }}
