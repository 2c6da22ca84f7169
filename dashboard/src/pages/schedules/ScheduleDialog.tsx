import {
  type CatchUp,
  CreateSchedule,
  type Overlap,
  type Schedule,
  UpdateSchedule,
} from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { RunsField, runsIn } from '@/app/RunsField'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { Suggested } from '@/ui/Suggested'
import { useWhenOpened } from '@/ui/useWhenOpened'
import { FireTimes } from './FireTimes'
import { CATCH_UPS, OVERLAPS } from './timing'

const FIELDS = 'displayName,cron,timeZone,overlap,catchUp'
const ZONES = Intl.supportedValuesOf('timeZone')

type Props = { schedule?: Schedule; isOpen: boolean; onClose: () => void }

/** Makes a schedule by cron, or changes when one fires. Those of other kinds keep their times. */
export function ScheduleDialog({ schedule: now, isOpen, onClose }: Props) {
  const schedule = useWhenOpened(isOpen, now)
  const { client, name: parent } = useProject()
  const save = useMutation({
    mutationFn: (form: FormData) => {
      const text = (field: string) => String(form.get(field) ?? '').trim()
      const said = {
        displayName: text('displayName'),
        cron: text('cron'),
        timeZone: text('timeZone'),
        overlap: text('overlap') as Overlap,
        catchUp: text('catchUp') as CatchUp,
      }
      if (!schedule) {
        const request = { parent, scheduleId: text('id'), schedule: { ...said, ...runsIn(form) } }
        return client.call(CreateSchedule, request)
      }
      const { cron, ...others } = said
      const changed = { ...others, ...(schedule.cron && { cron }) }
      const updateMask = FIELDS.replace(schedule.cron ? '' : 'cron,', '')
      return client.call(UpdateSchedule, {
        schedule: { name: schedule.name, etag: schedule.etag, ...changed },
        updateMask,
      })
    },
    onSuccess: onClose,
  })
  return (
    <ConfirmDialog
      isOpen={isOpen}
      onClose={() => {
        save.reset()
        onClose()
      }}
      title={schedule ? `Edit ${idOf(schedule.name)}` : 'Create a schedule'}
      verb={schedule ? 'Save' : 'Create'}
      onConfirm={(form) => save.mutate(form)}
      isBusy={save.isPending}
      error={save.error}
    >
      {!schedule && <NewFields />}
      <Field label="Name" name="displayName" maxLength={128} defaultValue={schedule?.displayName} />
      <When schedule={schedule} />
      <Select
        label="While its newest run goes on"
        name="overlap"
        defaultValue={schedule?.overlap}
        choices={OVERLAPS}
      />
      <Select
        label="With times that nobody saw pass"
        name="catchUp"
        defaultValue={schedule?.catchUp}
        choices={CATCH_UPS}
      />
    </ConfirmDialog>
  )
}

/** What it is called, and what it runs. */
function NewFields() {
  return (
    <>
      <Field
        label="Id"
        name="id"
        maxLength={63}
        hint="Lower-case letters, digits and hyphens."
        autoComplete="off"
        required
      />
      <RunsField />
    </>
  )
}

/** Cron and its time zone, and when that will be. */
function When({ schedule }: { schedule: Schedule | undefined }) {
  const [cron, setCron] = useState(schedule?.cron ?? '')
  const [timeZone, setZone] = useState(
    schedule ? schedule.timeZone : Intl.DateTimeFormat().resolvedOptions().timeZone,
  )
  if (schedule && !schedule.cron) return null
  return (
    <>
      <Field
        label="Cron"
        name="cron"
        value={cron}
        onChange={({ target }) => setCron(target.value)}
        hint="Minute, hour, day, month, day of the week: 30 2 * * MON-FRI"
        maxLength={128}
        spellCheck={false}
        autoComplete="off"
        required
      />
      <Suggested
        label="Time zone"
        name="timeZone"
        value={timeZone}
        onChange={({ target }) => setZone(target.value)}
        proposals={ZONES}
        hint="UTC where nothing is said."
        maxLength={64}
      />
      {cron.trim() && <FireTimes timing={{ cron: cron.trim(), timeZone: timeZone.trim() }} />}
    </>
  )
}
