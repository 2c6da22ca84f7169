import type { JsonValue } from '@contract/method'
import {
  ApproveStageRequest,
  DenyStageRequest,
  ResolveRunCondition,
  type RunCondition,
  type StageRequest,
} from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { Client } from '@/api/client'
import { problemsOf } from '@/api/problems'
import { initialOf, resolved, type Schema } from '@/api/schema'
import { useProject } from '@/app/project'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { SchemaField } from '@/ui/SchemaForm'
import { TextArea } from '@/ui/TextArea'
import { stageWord } from './stages'

/** What is decided, and how. It stays as it was when somebody began: another may decide meanwhile. */
export type Decision = { isYes: boolean } & (
  | { question: RunCondition; request?: never }
  | { request: StageRequest; question?: never }
)
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
  return <Asked key={`${name} ${decision?.isYes}`} decision={decision} onClose={onClose} />
}

function Asked({ decision, onClose }: { decision: Decision | undefined; onClose: () => void }) {
  const { client } = useProject()
  const schema = schemaOf(decision)
  const [answer, setAnswer] = useState(() => schema && initialOf(schema))
  const decide = useMutation({
    mutationFn: async (said: Said) => decision && (await send(client, decision, said)),
    onSuccess: onClose,
  })
  const comment = (form: FormData) => String(form.get('comment')).trim()
  return (
    <ConfirmDialog
      isOpen={!!decision}
      onClose={onClose}
      title={decision?.isYes ? 'Approve' : 'Reject'}
      verb={decision?.isYes ? 'Approve' : 'Reject'}
      isDangerous={!decision?.isYes}
      onConfirm={(form) => decide.mutate({ comment: comment(form), answer })}
      isBusy={decide.isPending}
      error={decide.error}
    >
      <p className="quiet">{decision && wordsOf(decision)}</p>
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
      <TextArea label="Reason" name="comment" maxLength={LONGEST} hint="Optional; kept with the decision." />
    </ConfirmDialog>
  )
}

function schemaOf(decision: Decision | undefined): Schema | undefined {
  const asked = decision?.isYes ? decision.question?.answerSchema : undefined
  return asked && resolved(asked as Schema)
}

function wordsOf({ question, request, isYes }: Decision): string {
  if (question) return `${question.question} ${isYes ? 'The step goes on.' : 'The step fails.'}`
  const [, , , model = '', , version = ''] = request.modelVersion.split('/')
  return `${model} ${version} ${isYes ? 'enters' : 'does not enter'} ${stageWord(request.stage)}.`
}

function send(client: Client, decision: Decision, { comment, answer }: Said): Promise<unknown> {
  const { question, request, isYes } = decision
  if (request)
    return client.call(isYes ? ApproveStageRequest : DenyStageRequest, { name: request.name, comment })
  return client.call(ResolveRunCondition, {
    name: question.name,
    decision: isYes ? 'CONDITION_DECISION_APPROVE' : 'CONDITION_DECISION_DENY',
    comment,
    ...(isYes && answer !== undefined && { answer }),
  })
}
