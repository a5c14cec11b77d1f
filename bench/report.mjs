// Turns samples into medians, ratios and verdicts, and writes them as Markdown.
import { readdirSync, readFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { join } from 'node:path';
import { targets } from './targets.mjs';

const OURS = 'tsyncio';
/** Below this share of a processor the numbers are of little use. */
const QUIET = 0.9;

export function summarize({ programs, samples, rounds, interpreters, cpu }) {
  const results = {
    node: interpreters.node.version,
    asyncio: interpreters.asyncio?.version,
    uvloop: interpreters.uvloop?.version,
    machine: `${platform()} ${arch()}, ${cpus().length} cores`,
    rounds,
    time: cpu ? 'CPU time' : 'wall-clock time',
    share: shareOfProcessor(programs, samples),
    programs: programs.map(({ name, title, unit, metric, contenders }) => ({
      name,
      title,
      unit,
      contenders: contenders.map((contender) => {
        const taken = samples.get(`${name}/${contender.name}`);
        const failure = taken.find(({ error }) => error);
        if (failure) return { name: contender.name, note: contender.note, ...failure };
        const values = taken.map((sample) => sample.value ?? sample[metric]);
        return { name: contender.name, note: contender.note, ...spread(values), values };
      }),
    })),
  };
  return { ...results, targets: judge(results) };
}

/** How much of the time that they ran for the processes had a processor: the rest went to other programs. */
function shareOfProcessor(programs, samples) {
  const shares = programs.flatMap(({ name, contenders }) =>
    contenders.flatMap((contender) =>
      samples
        .get(`${name}/${contender.name}`)
        .filter(({ wall, waits }) => wall > 0 && !waits)
        .map(({ wall, cpu }) => Math.min(1, cpu / wall)),
    ),
  );
  return shares.length === 0 ? 1 : spread(shares).median;
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** The targets that this run can speak about, each with the measured ratio and its spread over the rounds. */
function judge(results) {
  const major = Number(results.node.match(/\d+/)[0]);
  const find = (program, contender) =>
    results.programs.find(({ name }) => name === program)?.contenders.find(({ name }) => name === contender);
  return targets.flatMap((target) => {
    if (target.node && !target.node.includes(major)) return [];
    const ours = find(target.program, OURS);
    if (!ours) return [];
    if (target.works)
      return [{ ...target, wanted: 'works', measured: ours.error ?? 'works', met: !ours.error }];
    if (target.limit) {
      const unit = results.programs.find(({ name }) => name === target.program).unit;
      const wanted = `at most ${target.limit} ${unit}`;
      if (ours.error) return [{ ...target, wanted, measured: ours.error, met: false }];
      const measured = `${show(ours.median)} ${unit} (${show(ours.min)}–${show(ours.max)})`;
      return [{ ...target, wanted, measured, met: ours.median <= target.limit }];
    }
    const [program, contender] = Array.isArray(target.versus)
      ? target.versus
      : [target.program, target.versus ?? bestOf(target.best.map((name) => find(target.program, name)))];
    const other = find(program, contender);
    if (!other || (other.error && !ours.error)) return [];
    const versus = program === target.program ? contender : `${contender}, ${program}`;
    const wanted = target.faster
      ? `≥ ${target.faster} × as fast as ${versus}`
      : `≤ ${target.atMost} × ${versus}`;
    if (ours.error) return [{ ...target, wanted, measured: ours.error, met: false }];
    const ratio = (a, b) => (target.faster ? b / a : a / b);
    const each = ours.values
      .slice(0, other.values.length)
      .map((value, round) => ratio(value, other.values[round]));
    const median = ratio(ours.median, other.median);
    const { min, max } = spread(each);
    const met = target.faster ? median >= target.faster : median <= target.atMost;
    return [
      { ...target, wanted, measured: `${show(median)} × (${show(min)}–${show(max)})`, ratio: median, met },
    ];
  });
}

/** The name of the fastest of several contenders, those left out and those that failed aside. */
function bestOf(contenders) {
  const ran = contenders.filter((contender) => contender && !contender.error);
  return ran.sort((a, b) => a.median - b.median)[0]?.name;
}

export function renderReport(results) {
  const { node, asyncio, uvloop, machine, rounds, time, share } = results;
  const lines = [
    `# tsyncio on Node ${node}`,
    '',
    `${[machine, asyncio, uvloop].filter(Boolean).join('; ')}. Medians of ${rounds} interleaved rounds, ${time}; in`,
    'brackets the lowest and the highest. The last column says how long a contender takes, with tsyncio as 1.',
    '',
  ];
  if (share < QUIET) {
    lines.push(
      `**The machine was busy**: half of the processes had a processor for less than ${Math.round(share * 100)} % of`,
      'the time. Wall-clock times are a hint only; ratios of CPU time hold better.',
      '',
    );
  }
  for (const { title, name, unit, contenders } of results.programs) {
    const ours = contenders.find((contender) => contender.name === OURS);
    lines.push(`## ${title} (\`${name}\`)`, '', `| contender | ${unit} | ratio |`, '| --- | ---: | ---: |');
    for (const { name: contender, note, median, min, max, error } of contenders) {
      const label = note ? `${contender} (${note})` : contender;
      if (error) lines.push(`| ${label} | fails: ${error.replaceAll('|', '\\|')} | |`);
      else {
        const ratio = ours?.median ? `${show(median / ours.median)} ×` : '';
        lines.push(`| ${label} | ${show(median)} (${show(min)}–${show(max)}) | ${ratio} |`);
      }
    }
    lines.push('');
  }
  const met = results.targets.filter((target) => target.met).length;
  lines.push(`## Targets: ${met} of ${results.targets.length} met`, '');
  lines.push('| program | target | measured | |', '| --- | --- | --- | --- |');
  for (const target of results.targets) {
    lines.push(
      `| ${target.program} | ${target.wanted} | ${target.measured} | ${target.met ? 'met' : '**not met**'} |`,
    );
  }
  return `${lines.join('\n')}\n`;
}

const RUNTIME_COLUMNS = [
  ['native', ['native', 'thenable', 'setTimeout', 'hand-written']],
  ['Effect 4', ['Effect']],
  ['Effection 4', ['Effection']],
  ['async-mutex', ['async-mutex']],
  ['asyncio', ['asyncio']],
  ['uvloop', ['uvloop']],
];

const POOL_COLUMNS = [
  ['bare postMessage', ['postMessage']],
  ['piscina', ['piscina']],
  ['tinypool', ['tinypool']],
  ['workerpool', ['workerpool']],
  ['poolifier', ['poolifier']],
  ['synckit', ['synckit']],
  ['CPython', ['CPython']],
];

/** The table for the README: one for each Node with a complete run in `folder`. */
export function renderSummary(folder) {
  const lines = ['<!-- Written by bench/run.mjs from bench/results/*.json. -->', ''];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json') && !file.includes('.partial.'));
  const all = files.map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));
  for (const results of all.sort((a, b) => a.node.localeCompare(b.node, 'en', { numeric: true }))) {
    const python = [results.asyncio, results.uvloop].filter(Boolean).join(', ');
    lines.push(
      `Node ${results.node.slice(1)}${python && ` beside ${python}`}, ${results.machine}; the median of ` +
        `${results.rounds} interleaved rounds, ${results.time}. The other columns are multiples of the first: 8 × is eight times as long.`,
      '',
    );
    const isPool = ({ name }) => name.startsWith('pool-');
    lines.push(
      ...table(
        results.programs.filter((program) => !isPool(program)),
        RUNTIME_COLUMNS,
      ),
    );
    lines.push(...table(results.programs.filter(isPool), POOL_COLUMNS));
  }
  return lines.join('\n');
}

function table(programs, columns) {
  if (programs.length === 0) return [];
  const lines = [
    `| | tsyncio | ${columns.map(([title]) => title).join(' | ')} |`,
    `| --- | ---: | ${columns.map(() => '---:').join(' | ')} |`,
  ];
  for (const { title, unit, contenders } of programs) {
    const ours = contenders.find(({ name }) => name === OURS);
    const cells = columns.map(([, names]) => {
      const peer = names.map((wanted) => contenders.find(({ name }) => name === wanted)).find(Boolean);
      if (!peer || ours.error) return '';
      return peer.error ? 'fails' : `${show(peer.median / ours.median)} ×`;
    });
    lines.push(`| ${title} | ${ours.error ? 'fails' : amount(ours.median, unit)} | ${cells.join(' | ')} |`);
  }
  return [...lines, ''];
}

function amount(value, unit) {
  if (unit === 'ns' && value >= 10_000) return `${show(value / 1e3)} µs`;
  return `${show(value)} ${unit}`;
}

/** Three significant digits, without an exponent. */
function show(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}
