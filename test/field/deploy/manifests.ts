/** The fields of compose.yml and kubernetes.yaml that tests look at. */

type Probe = { readonly httpGet: { readonly path: string; readonly port: string } }

type ComposeService = {
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly environment: Readonly<Record<string, string | number>>
  readonly stop_grace_period: string
}

export type Compose = {
  readonly services: { readonly carillon: ComposeService; readonly caddy: ComposeService }
  readonly volumes: Readonly<Record<string, unknown>>
}

type Container = {
  readonly image: string
  readonly ports: readonly object[]
  readonly env: readonly {
    readonly name: string
    readonly value?: string
    readonly valueFrom?: { readonly secretKeyRef: { readonly key: string } }
  }[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly securityContext: object
}

/** A manifest; other kinds have `kind` and some of the rest. */
export type StatefulSet = {
  readonly kind: string
  readonly spec: {
    readonly ports: readonly object[]
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly securityContext: Readonly<Record<'runAsUser' | 'runAsGroup' | 'fsGroup', number>>
        readonly containers: readonly Container[]
      }
    }
  }
}
