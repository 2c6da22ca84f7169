import { DeleteTrigger, type Trigger, UpdateTrigger } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { DeleteButton } from '@/app/DeleteButton'
import { useMay, useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { Note } from '@/ui/Note'
import { TriggerDialog } from '../triggers/TriggerDialog'

const route = getRouteApi('/w/$workspace/p/$project/triggers/$trigger')

/** What one can do with a trigger: what is permitted. Who resumes or edits it is who it acts for from then on. */
export function TriggerActions({ trigger }: { trigger: Trigger }) {
  const { client } = useProject()
  const may = useMay()
  const navigate = route.useNavigate()
  const { name, etag, paused } = trigger
  const mayRun = may('snapshots.run')
  const toList = () =>
    void navigate({ to: '/w/$workspace/p/$project/triggers', params: (now) => now, search: {} })
  return (
    <>
      {may('triggers.update') && (!paused || mayRun) && <PauseButton trigger={trigger} />}
      {may('triggers.update') && mayRun && <EditButton trigger={trigger} />}
      {may('triggers.delete') && (
        <DeleteButton
          noun="trigger"
          name={name}
          remove={() => client.call(DeleteTrigger, { name, etag })}
          onDone={toList}
        >
          What it has not done yet is not done; the runs that it started stay.
        </DeleteButton>
      )}
    </>
  )
}

function PauseButton({ trigger: { name, etag, paused } }: { trigger: Trigger }) {
  const { client } = useProject()
  const change = useMutation({
    mutationFn: () =>
      client.call(UpdateTrigger, { trigger: { name, etag, paused: !paused }, updateMask: 'paused' }),
  })
  return (
    <>
      <Button isBusy={change.isPending} onClick={() => change.mutate()}>
        {paused ? 'Resume' : 'Pause'}
      </Button>
      {change.error && <Note kind="bad" error={change.error} />}
    </>
  )
}

function EditButton({ trigger }: { trigger: Trigger }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button onClick={() => setOpen(true)}>Edit</Button>
      <TriggerDialog trigger={trigger} isOpen={isOpen} onClose={() => setOpen(false)} />
    </>
  )
}
