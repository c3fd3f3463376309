// ask.mjs SUBJECT TEXT: asks until somebody answers, for half a minute at most, and prints the answer.
import { setTimeout as pause } from 'node:timers/promises'
import { connect, inbox } from './nats.mjs'

const [subject, text] = process.argv.slice(2)
let answer
try {
  const client = await connect({ heard: (_, said) => { answer ??= said } })
  await client.subscribe(`${inbox}.1`)
  for (const end = Date.now() + 30_000; answer === undefined && Date.now() < end; await pause(200)) await client.publish(subject, text, `${inbox}.1`)
  console.log(answer ?? 'nobody answers')
  client.close()
} catch (error) {
  console.log(`refused: ${error.code ?? error.message}`)
}
process.exitCode = answer === undefined ? 1 : 0
