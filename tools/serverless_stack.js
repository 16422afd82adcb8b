'use strict';

// What of the stack follows from the schedule and the config, for serverless.yml to take as
// ${file(tools/serverless_stack.js):NAME}. All below `derive` is pure.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LONGEST_TIMEOUT = 600;
const LONGEST_RUN = 6 * HOUR; // of several functions, one after the other
const LONGEST_WINDOW = 7 * DAY; // CloudWatch looks no further back

const FANOUT = '${file(tools/serverless_fanout.yml)}';
const NO_FANOUT = { environment: {}, functions: {}, resources: {}, widgets: '' };

const UNITS = { minute: MINUTE, hour: HOUR, day: DAY };
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

module.exports = async ({ resolveVariable }) =>
  derive({
    schedule: await resolveVariable('param:schedule'),
    secret: await resolveVariable('param:secret'),
    stateTable: await resolveVariable('param:stateTable'),
    accounts: await resolveVariable('file(config/config.yaml):accounts, null'),
    fanout: await resolveVariable('param:fanout'),
    workers: await resolveVariable('param:workers'),
  });
module.exports.derive = derive;
module.exports.rhythm = rhythm;

function derive({ schedule, secret, stateTable, accounts, fanout, workers }) {
  const { shortest, longest } = rhythm(schedule);
  // Over before the next run starts, so that two never overlap.
  const timeout = Math.min(LONGEST_TIMEOUT, shortest - 5);
  return {
    timeout,
    failedRun: alarmWindow(longest),
    noRun: alarmWindow(3 * longest),
    noFineRun: alarmWindow(Math.max(DAY, 2 * longest)),
    // Runs further apart than that leave too little in seven days to tell late from never.
    expectsRuns: longest <= DAY ? 'yes' : 'no',
    secretArns: secretNames(secret, accounts).map(secretArn),
    stateTable: tableName(stateTable),
    signInMetrics: { Resources: signInMetrics(Object.keys(accounts || { default: {} }).length) },
    fanout: isFanout(fanout, schedule, shortest) ? FANOUT : NO_FANOUT,
    workers: countOfWorkers(workers),
    runSeconds: String(Math.min(LONGEST_RUN, shortest) - MINUTE),
    // A worker that is still at work is not given a second time.
    visibilityTimeout: timeout + 2 * MINUTE, // the locks of a worker that was killed end before that
  };
}

// The shortest and the longest time between two runs, in seconds.
function rhythm(schedule) {
  const [, kind, inside] = /^(rate|cron)\((.+)\)$/.exec(String(schedule).trim()) || [];
  if (kind === 'rate') return rateRhythm(schedule, inside);
  if (kind === 'cron') return cronRhythm(schedule, inside.trim().split(/\s+/));
  throw refusal(`schedule: ${schedule} is neither rate(...) nor cron(...), such as rate(1 hour) or cron(0 6 * * ? *)`);
}

function rateRhythm(schedule, inside) {
  const [, count, unit] = /^([1-9]\d*) (minute|hour|day)s?$/.exec(inside) || [];
  if (!unit) throw refusal(`schedule: ${schedule} must be like rate(15 minutes), rate(1 hour) or rate(2 days)`);
  const seconds = Number(count) * UNITS[unit];
  return { shortest: seconds, longest: seconds };
}

function cronRhythm(schedule, fields) {
  if (fields.length !== 6) {
    throw refusal(`schedule: ${schedule} needs six fields: minutes hours day-of-month month day-of-week year`);
  }
  const [minutes, hours, , , , year] = fields;
  const times = [];
  for (const hour of values(hours, 0, 23)) {
    for (const minute of values(minutes, 0, 59)) times.push(hour * HOUR + minute * MINUTE);
  }
  const days = daysOf(fields);
  if (times.some(Number.isNaN) || !times.length) throw refusal(`schedule: ${schedule} cannot be read`);
  if (!days.length) throw refusal(`schedule: ${schedule} never comes`);
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  const night = times[0] - times[times.length - 1];
  for (let index = 1; index < days.length; index += 1) gaps.push((days[index] - days[index - 1]) * DAY + night);
  return { shortest: Math.min(...gaps), longest: year === '*' ? Math.max(...gaps) : Infinity };
}

// The days that match, as numbers, in four years: one of them is a leap year.
function daysOf([, , dayOfMonth, month, dayOfWeek]) {
  // The last day, the nearest weekday, the third Friday: once or twice a month, whatever stands beside them.
  if (/[LW]/.test(dayOfMonth) || /L$|#/.test(dayOfWeek)) return [0, 31];
  const monthDays = values(dayOfMonth, 1, 31);
  const months = values(month, 1, 12, MONTHS);
  const weekDays = values(dayOfWeek, 1, 7, WEEKDAYS);
  const days = [];
  for (let day = Date.UTC(2027, 0, 1) / 1000 / DAY; day < Date.UTC(2031, 0, 1) / 1000 / DAY; day += 1) {
    const date = new Date(day * DAY * 1000);
    const fits =
      monthDays.includes(date.getUTCDate()) &&
      months.includes(date.getUTCMonth() + 1) &&
      weekDays.includes(date.getUTCDay() + 1);
    if (fits) days.push(day);
  }
  return days;
}

// All numbers that a cron field stands for, in order: `*`, `?`, `5`, `MON-FRI`, `0/15`, and lists of them. NaN if none.
function values(field, first, last, names = []) {
  const number = (word) => (names.includes(word) ? names.indexOf(word) + first : Number(word));
  const found = new Set();
  for (const part of field.split(',')) {
    const [range, step] = part.split('/');
    const [from, to] = range === '*' || range === '?' ? [first, last] : range.split('-').map(number);
    const end = to !== undefined ? to : step !== undefined ? last : from;
    const stride = step === undefined ? 1 : Number(step);
    if (Number.isNaN(from) || Number.isNaN(end) || !(stride >= 1)) return [NaN];
    for (let value = from; value <= end; value += stride) found.add(value);
  }
  return [...found].sort((one, other) => one - other);
}

// How CloudWatch is to look back over `seconds`: hour by hour, so that the window slides.
function alarmWindow(seconds) {
  const window = Math.min(seconds, LONGEST_WINDOW);
  if (window < HOUR) return { period: Math.ceil(window / MINUTE) * MINUTE, periods: 1 };
  return { period: HOUR, periods: Math.ceil(window / HOUR) };
}

// The secrets that the accounts of the config are in; `secret` is that of the account `default`.
function secretNames(secret, accounts) {
  const names = Object.entries(accounts || { default: {} }).map(([name, account]) => {
    if (name === 'default') return secret;
    if (account && account.secret) return account.secret;
    throw refusal(`accounts.${name}: Lambda has no files, so put its credentials into a secret: {secret: NAME}`);
  });
  return [...new Set(names)];
}

// Secrets Manager ends every ARN with a dash and six random characters; a name cannot hold a wildcard.
function secretArn(secret) {
  if (/^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+$/.test(secret)) return secret;
  if (!/^[\w/+=.@!-]+$/.test(secret)) throw refusal(`secret: ${secret} is neither the name of a secret nor its ARN`);
  return {
    'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${secret}-??????`,
  };
}

// A name that is part of an ARN must not hold a wildcard; none at all means a table of the stack's own.
function tableName(name) {
  if (!/^([\w.-]{3,255})?$/.test(name)) throw refusal(`stateTable: ${name} is not the name of a DynamoDB table`);
  return name;
}

// One filter for each account of the report; all feed one metric, whose minimum is the next sign-in to end.
function signInMetrics(count) {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const daysLeft = `$.report.accounts[${index}].days_left`;
      const metric = { MetricNamespace: '${self:service}-${sls:stage}', MetricName: 'SignInDaysLeft', MetricValue: daysLeft };
      const filter = {
        LogGroupName: { Ref: 'SyncLogGroup' },
        FilterPattern: `{ ${daysLeft} >= 0 }`,
        MetricTransformations: [metric],
      };
      return [`SignIn${index + 1}Metric`, { Type: 'AWS::Logs::MetricFilter', Properties: filter }];
    }),
  );
}

// Whether runs are to be split among functions, each of which takes part until a minute before the next run.
function isFanout(asked, schedule, shortest) {
  if (!['true', 'false'].includes(String(asked))) throw refusal(`fanout: ${asked} is neither true nor false`);
  if (String(asked) === 'false') return false;
  if (shortest < 3 * MINUTE) throw refusal(`fanout: ${schedule} leaves a run no time; three minutes is the least`);
  return true;
}

// What AWS takes as the most workers at once.
function countOfWorkers(asked) {
  const count = Number(asked);
  if (Number.isInteger(count) && count >= 2 && count <= 1000) return count;
  throw refusal(`workers: ${asked} is not a whole number from 2 to 1000`);
}

// An error to be read by people: the framework prints a stack where there is one.
function refusal(message) {
  return Object.assign(new Error(message), { stack: undefined });
}
