/**
 * Commands in documentation that are run as they stand. A fenced block marked `console` holds `$ command` lines, each followed
 * by its output; `> ` goes on with the command. In output a line `...` stands for any number of lines, and `...` within a line
 * for any text. A command must succeed, unless the comment before the block says otherwise:
 *
 *     <!-- not run: REASON -->   shown only
 *     <!-- exits 1 -->           the last command of the block ends with this status
 *     <!-- needs PROGRAM -->     where that is not installed, no command of the document is run
 */

export interface ConsoleCommand {
  /** 1-based, in the document. */
  readonly line: number
  readonly command: string
  readonly expected: readonly string[]
  readonly exits: number
}

export interface ConsoleBlock {
  readonly line: number
  readonly commands: readonly ConsoleCommand[]
  /** Why it is shown only; `undefined` when it is run. */
  readonly notRun: string | undefined
  readonly needs: string | undefined
}

export interface Found {
  readonly blocks: readonly ConsoleBlock[]
  /** What would make a command escape the check, as `line: why`. */
  readonly problems: readonly string[]
}

export function consoleBlocks(markdown: string): Found {
  const lines = markdown.split('\n')
  const blocks: ConsoleBlock[] = []
  const problems: string[] = []
  for (let at = 0; at < lines.length; at++) {
    const fence = /^ {0,3}(`{3,}|~{3,})\s*(\S*)/.exec(lines[at] ?? '')
    if (fence === null) continue
    const [, marks = '', language = ''] = fence
    const end = lines.findIndex((line, index) => index > at && line.trim() === marks)
    if (end === -1) {
      problems.push(`${at + 1}: this block never ends`)
      break
    }
    const body = lines.slice(at + 1, end)
    const prompts = body.some((line) => line.startsWith('$ '))
    if (language === 'console') {
      const comment = commentBefore(lines, at)
      if (!prompts || body[0]?.startsWith('$ ') !== true) problems.push(`${at + 1}: a console block begins with \`$ \` and a command`)
      blocks.push({ line: at + 1, commands: commandsOf(body, at + 2, comment.exits), notRun: comment.notRun, needs: comment.needs })
    } else if (prompts) problems.push(`${at + 1}: a block with \`$ \` lines is marked \`console\`, so that it is run`)
    at = end
  }
  return { blocks, problems }
}

function commentBefore(lines: readonly string[], fence: number): Pick<ConsoleBlock, 'notRun' | 'needs'> & { readonly exits: number } {
  let at = fence - 1
  while (lines[at]?.trim() === '') at--
  const comment = /^\s*<!--\s*(.*?)\s*-->\s*$/.exec(lines[at] ?? '')?.[1] ?? ''
  return { notRun: /^not run: (.+)$/.exec(comment)?.[1], needs: /^needs (\S+)$/.exec(comment)?.[1], exits: Number(/^exits ([0-9]+)$/.exec(comment)?.[1] ?? 0) }
}

function commandsOf(body: readonly string[], firstLine: number, lastExits: number): readonly ConsoleCommand[] {
  const commands: { line: number; command: string; expected: string[] }[] = []
  body.forEach((text, index) => {
    const current = commands.at(-1)
    if (text.startsWith('$ ')) commands.push({ line: firstLine + index, command: text.slice(2), expected: [] })
    else if (current !== undefined && current.expected.length === 0 && /^> ?/.test(text)) current.command += `\n${text.replace(/^> ?/, '')}`
    else current?.expected.push(text)
  })
  return commands.map((command, index) => ({ ...command, exits: index === commands.length - 1 ? lastExits : 0 }))
}

/** True when the output is what the document promises; spaces at line ends and empty lines at the end do not count. */
export function matchesOutput(expected: readonly string[], actual: string): boolean {
  const pattern = trimmed(expected)
    .map((line) => (line.trim() === '...' ? '(?:[^\\n]*\\n)*' : `${line.split('...').map(RegExp.escape).join('[^\\n]*')}\\n`))
    .join('')
  const text = trimmed(actual.split('\n')).map((line) => `${line}\n`).join('')
  return new RegExp(`^${pattern}$`).test(text)
}

function trimmed(lines: readonly string[]): readonly string[] {
  const out = lines.map((line) => line.trimEnd())
  while (out.at(-1) === '') out.pop()
  return out
}
