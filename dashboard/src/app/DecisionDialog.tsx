import type { JsonValue } from '@contract/method'
import {
  ApproveStageRequest,
  DenyStageRequest,
  ResolveRunCondition,
  type RunCondition,
  type StageRequest,
  WithdrawStageRequest,
} from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { Client } from '@/api/client'
import { problemsOf } from '@/api/problems'
import { initialOf, resolved, type Schema } from '@/api/schema'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { SchemaField } from '@/ui/SchemaForm'
import { TextArea } from '@/ui/TextArea'
import { useProject } from './project'
import { stageInWords, versionInWords } from './stages'

/** Who asked takes it back. */
export type Way = 'Approve' | 'Deny' | 'Withdraw'
/** What is decided, and how. It stays as it was when somebody began: another may decide meanwhile. */
export type Decision =
  | { question: RunCondition; way: Exclude<Way, 'Withdraw'>; request?: never }
  | { request: StageRequest; way: Way; question?: never }
type Said = { comment: string; answer: JsonValue | undefined }

const LONGEST = 1024

/** Asks for a reason, and for what a step wants to know beside a yes. */
export function DecisionDialog({
  decision,
  onClose,
}: {
  decision: Decision | undefined
  onClose: () => void
}) {
  const name = decision && (decision.question ?? decision.request).name
  return <Asked key={`${name} ${decision?.way}`} decision={decision} onClose={onClose} />
}

function Asked({ decision, onClose }: { decision: Decision | undefined; onClose: () => void }) {
  const { client } = useProject()
  const schema = schemaOf(decision)
  const [answer, setAnswer] = useState(() => schema && initialOf(schema))
  const decide = useMutation({
    mutationFn: async (said: Said) => decision && (await send(client, decision, said)),
    onSuccess: onClose,
  })
  const comment = (form: FormData) => String(form.get('comment') ?? '').trim()
  return (
    <ConfirmDialog
      isOpen={!!decision}
      onClose={onClose}
      title={decision?.way ?? ''}
      verb={decision?.way ?? ''}
      isDangerous={decision?.way === 'Deny'}
      onConfirm={(form) => decide.mutate({ comment: comment(form), answer })}
      isBusy={decide.isPending}
      error={decide.error}
    >
      <p className="quiet">{decision && wordsOf(decision)}</p>
      {decision?.request?.comment && <blockquote className="quiet">{decision.request.comment}</blockquote>}
      {schema && (
        <SchemaField
          schema={schema}
          label="Answer"
          path="answer"
          value={answer}
          onChange={setAnswer}
          problems={problemsOf(decide.error)}
          isRequired
        />
      )}
      {decision?.way !== 'Withdraw' && (
        <TextArea
          label="Reason"
          name="comment"
          maxLength={LONGEST}
          hint="Optional; kept with the decision."
        />
      )}
    </ConfirmDialog>
  )
}

function schemaOf(decision: Decision | undefined): Schema | undefined {
  const asked = decision?.way === 'Approve' ? decision.question?.answerSchema : undefined
  return asked && resolved(asked as Schema)
}

function wordsOf({ question, request, way }: Decision): string {
  if (question) return `${question.question} ${way === 'Approve' ? 'The step goes on.' : 'The step fails.'}`
  const [version, stage] = [versionInWords(request.modelVersion), stageInWords(request.stage)]
  if (way === 'Withdraw') return `Nobody decides whether ${version} enters ${stage}; you may ask again.`
  if (way === 'Deny') return `${version} does not enter ${stage}.`
  return `${version} enters ${stage}.${request.demoteExisting ? ' The version that is there gives way, to Archived.' : ''}`
}

const STAGE_WAYS = { Approve: ApproveStageRequest, Deny: DenyStageRequest }

function send(client: Client, { question, request, way }: Decision, said: Said): Promise<unknown> {
  const { comment, answer } = said
  if (question)
    return client.call(ResolveRunCondition, {
      name: question.name,
      decision: way === 'Approve' ? 'CONDITION_DECISION_APPROVE' : 'CONDITION_DECISION_DENY',
      comment,
      ...(way === 'Approve' && answer !== undefined && { answer }),
    })
  if (way === 'Withdraw') return client.call(WithdrawStageRequest, { name: request.name })
  return client.call(STAGE_WAYS[way], { name: request.name, comment })
}
