import { BackfillSchedule, type Schedule } from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { problemsOf } from '@/api/problems'
import { useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { Field } from '@/ui/Field'
import { Note } from '@/ui/Note'

/** Makes up for times that passed: asks for a span, and says what became of it. */
export function BackfillButton({ schedule: { name } }: { schedule: Schedule }) {
  const { client } = useProject()
  const [isOpen, setOpen] = useState(false)
  const backfill = useMutation({
    mutationFn: (form: FormData) =>
      client.call(BackfillSchedule, {
        name,
        startTime: timeIn(form, 'from') ?? '',
        ...(timeIn(form, 'to') && { endTime: timeIn(form, 'to') }),
      }),
  })
  const problems = problemsOf(backfill.error)
  function close() {
    backfill.reset()
    setOpen(false)
  }
  const isOfSpan = problems.has('start_time') || problems.has('end_time')
  const made = backfill.data
  return (
    <>
      <Button onClick={() => setOpen(true)}>Backfill</Button>
      <ConfirmDialog
        isOpen={isOpen}
        onClose={close}
        title="Make up for times that passed"
        verb={made ? 'Done' : 'Make the runs'}
        onConfirm={(form) => (made ? close() : backfill.mutate(form))}
        isBusy={backfill.isPending}
        error={isOfSpan ? null : backfill.error}
      >
        {made ? (
          <Note kind="info">{wordsOf(made.runs.length, made.presentCount)}</Note>
        ) : (
          <>
            <p className="quiet">
              A run, as you, for each of its times in the span that has none yet; at most 100 at once.
            </p>
            <Field
              label="From"
              name="from"
              type="datetime-local"
              problem={problems.get('start_time')}
              required
            />
            <Field
              label="To"
              name="to"
              type="datetime-local"
              hint="Now where it is empty."
              problem={problems.get('end_time')}
            />
          </>
        )}
      </ConfirmDialog>
    </>
  )
}

function timeIn(form: FormData, name: string): string | undefined {
  const written = String(form.get(name) ?? '')
  return written ? new Date(written).toISOString() : undefined
}

function wordsOf(made: number, present: number): string {
  const runs = made === 1 ? '1 run was made' : `${made} runs were made`
  return present === 0 ? `${runs}.` : `${runs}; ${present} times had theirs already.`
}
