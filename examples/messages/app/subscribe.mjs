// subscribe.mjs SUBJECT [--answer] [--once]: prints what is published there and answers questions; with --once only asks whether it may.
// Exit code 1 when it may not.
import { parseArgs } from 'node:util'
import { connect, stay } from './nats.mjs'

const { values, positionals: [subject] } = parseArgs({ options: { answer: { type: 'boolean' }, once: { type: 'boolean' } }, allowPositionals: true })
let client
const heard = (at, text, reply) => {
  console.log(`heard ${at}: ${text}`)
  if (values.answer === true && reply !== undefined) client.publish(reply, `done: ${text}`).catch((error) => console.log(`refused: ${error.message}`))
}

if (values.once === true) {
  try {
    client = await connect({ heard })
    await client.subscribe(subject)
    console.log(`subscribed to ${subject}`)
    client.close()
  } catch (error) {
    console.log(`refused: ${error.code ?? error.message}`)
    process.exit(1)
  }
} else {
  await stay({ heard }, async (connected) => {
    client = connected
    await client.subscribe(subject)
    console.log(`subscribed to ${subject}`)
  })
}
