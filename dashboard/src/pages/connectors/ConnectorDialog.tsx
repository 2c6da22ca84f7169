import type { Json, JsonValue } from '@contract/method'
import {
  type ConnectorAuthMethod,
  type ConnectorType,
  CreateServiceConnector,
  type ServiceConnector,
  UpdateServiceConnector,
} from '@contract/workspace'
import { useState } from 'react'
import { problemsOf } from '@/api/problems'
import { isObject, type Schema } from '@/api/schema'
import { idOf } from '@/api/session'
import { useConnectorTypes } from '@/app/credentials'
import { useProject } from '@/app/project'
import { useWorkspaceChange } from '@/app/workspace'
import { CommonFields, commonOf } from '@/ui/CommonFields'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { SchemaForm } from '@/ui/SchemaForm'
import { Select } from '@/ui/Select'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { Offer } from './Offer'
import { SecretFields } from './SecretFields'

const ROOT = 'service_connector.config'

type Props = {
  isOpen: boolean
  onClose: () => void
  onDone?: (id: string) => void
  /** The one to change; a new one where absent. */
  connector?: ServiceConnector
}

/** Sets a connector up: its type and its way to sign in say what there is to fill in. */
export function ConnectorDialog(props: Props) {
  // Each time anew: what was typed before, or changed meanwhile, is not mixed in.
  return props.isOpen && <Opened {...props} />
}

function Opened({ isOpen, onClose, onDone, connector: now }: Props) {
  const connector = useWhenOpened(isOpen, now)
  const read = useConnectorTypes()
  const types = read.data ?? []
  const [chosen, setChosen] = useState({
    type: connector?.type ?? '',
    method: connector?.authMethod ?? '',
  })
  const [config, setConfig] = useState<Json>(connector?.config ?? {})
  const type = types.find(({ name }) => name === chosen.type)
  const method = type?.authMethods.find(({ id }) => id === chosen.method)
  const save = useSave(connector, chosen, config)
  function choose(wish: { type: string; method: string }) {
    setChosen(wish)
    setConfig({})
  }
  const done = ({ name }: ServiceConnector) => {
    onClose()
    onDone?.(idOf(name))
  }
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={onClose}
      title={connector ? `Edit ${connector.displayName || idOf(connector.name)}` : 'Create a connector'}
      verb={connector ? 'Save' : 'Create'}
      onConfirm={(form) => save.mutate(form, { onSuccess: done })}
      isBusy={save.isPending}
      error={save.error ?? read.error}
    >
      {!connector && <Kind types={types} type={type} chosen={chosen} onChoose={choose} />}
      <CommonFields of={connector} error={save.error} noun="service_connector" />
      {type && method && (
        <Asked
          key={method.id}
          type={type}
          method={method}
          config={config}
          onConfig={setConfig}
          error={save.error}
          {...(connector && { connector })}
        />
      )}
    </ConfirmDialog>
  )
}

type KindProps = {
  types: ConnectorType[]
  type: ConnectorType | undefined
  chosen: { type: string; method: string }
  onChoose: (wish: { type: string; method: string }) => void
}

/** What it connects to, and how it signs in there. */
function Kind({ types, type, chosen, onChoose }: KindProps) {
  return (
    <>
      <Select
        label="Type"
        value={chosen.type}
        onChange={({ target }) => {
          const next = types.find(({ name }) => name === target.value)
          onChoose({ type: target.value, method: next?.authMethods[0]?.id ?? '' })
        }}
        choices={[
          ['', 'Choose what it connects to …'],
          ...types.map(({ name, displayName }) => [name, displayName || idOf(name)] as const),
        ]}
        {...(type?.description && { hint: type.description })}
        required
      />
      {type && (
        <Select
          label="Way to sign in"
          value={chosen.method}
          onChange={({ target }) => onChoose({ ...chosen, method: target.value })}
          choices={type.authMethods.map(({ id, displayName }) => [id, displayName || id] as const)}
          hint={type.authMethods.find(({ id }) => id === chosen.method)?.description ?? ''}
        />
      )}
    </>
  )
}

type AskedProps = {
  type: ConnectorType
  method: ConnectorAuthMethod
  config: Json
  onConfig: (config: Json) => void
  error: Error | null
  connector?: ServiceConnector
}

/** What the way to sign in asks for: what may be seen, and what may not. */
function Asked({ type, method, config, onConfig, error, connector }: AskedProps) {
  const asked = (method.configSchema ?? {}) as Schema
  const open = Object.entries(asked.properties ?? {}).filter(([name]) => !method.secretFields.includes(name))
  return (
    <>
      <SchemaForm
        schema={{ ...asked, properties: Object.fromEntries(open) }}
        path={ROOT}
        value={config}
        onChange={(value: JsonValue | undefined) => onConfig(isObject(value) ? value : {})}
        problems={problemsOf(error)}
      />
      <SecretFields schema={asked} method={method} error={error} {...(connector && { connector })} />
      <Offer type={type} error={error} {...(connector && { connector })} />
    </>
  )
}

function useSave(
  connector: ServiceConnector | undefined,
  chosen: { type: string; method: string },
  config: Json,
) {
  const { client } = useProject()
  return useWorkspaceChange((form: FormData) => {
    const secretConfig = secretsOf(form)
    const fields = {
      ...commonOf(form),
      config,
      // Where its type could not be read nothing was asked, and nothing is changed.
      ...(form.has('resourceId') && offerOf(form)),
      secretName: String(form.get('secretName') ?? connector?.secretName ?? ''),
      // Those that are not given stay as they are.
      ...(Object.keys(secretConfig).length > 0 && { secretConfig }),
    }
    if (!connector) {
      const made = { ...fields, type: chosen.type, authMethod: chosen.method }
      const serviceConnectorId = String(form.get('id'))
      return client.call(CreateServiceConnector, { serviceConnectorId, serviceConnector: made })
    }
    const { name, etag } = connector
    const updateMask = Object.keys(fields).join(',')
    return client.call(UpdateServiceConnector, { serviceConnector: { name, etag, ...fields }, updateMask })
  })
}

/** The secret properties that somebody wrote into the form. */
function secretsOf(form: FormData): { [name: string]: string } {
  const given = [...form.entries()].filter(([name, value]) => name.startsWith('secret:') && value !== '')
  return Object.fromEntries(given.map(([name, value]) => [name.slice('secret:'.length), String(value)]))
}

/** What it is for: a restriction to one resource is one to its type, also where there is no other. */
function offerOf(form: FormData): Pick<ServiceConnector, 'resourceTypes' | 'resourceId'> {
  const resourceId = String(form.get('resourceId')).trim()
  const chosen = form.getAll('resourceType').map(String)
  const only = String(form.get('onlyType') ?? '')
  return { resourceTypes: chosen.length === 0 && resourceId && only ? [only] : chosen, resourceId }
}
