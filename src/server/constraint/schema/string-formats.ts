/**
 * Formats of strings (JSON Schema 2020-12 validation, section 7.3) as regular expressions. Each is a part of what the
 * format allows, never more: the common forms, with bounded lengths.
 */

const LABEL = '[A-Za-z0-9]{1,15}(?:-[A-Za-z0-9]{1,15})?';
/** Where no length is checked: less to enforce. */
const WORD = '[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*';
const DOMAIN = `(?:${WORD}\\.)+[A-Za-z]{2,8}`;
const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const GROUP = '[0-9A-Fa-f]{1,4}';
const DATE =
  '(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))' +
  '|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)';
const CLOCK = '(?:[01][0-9]|2[0-3]):[0-5][0-9]';
const TIME = `${CLOCK}:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-]${CLOCK})`;
const SHORTENED = [1, 2, 3, 4, 5, 6].map((n) => `(?:${GROUP}:){${n}}(?::${GROUP}){1,${7 - n}}`).join('|');
const TIMES = '(?:[0-9]{1,3}H(?:[0-9]{1,3}M(?:[0-9]{1,3}S)?)?|[0-9]{1,3}M(?:[0-9]{1,3}S)?|[0-9]{1,3}S)';
const DAYS = '(?:[0-9]{1,4}Y(?:[0-9]{1,3}M(?:[0-9]{1,3}D)?)?|[0-9]{1,3}M(?:[0-9]{1,3}D)?|[0-9]{1,4}D)';
const PATH_CHARACTER = "[A-Za-z0-9._~!$&'()*+,;=:@-]";

/** Expressions by the format's name. */
export const STRING_FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  duration: `P(?:${DAYS}(?:T${TIMES})?|T${TIMES}|[0-9]{1,4}W)`,
  email: `[A-Za-z0-9_]+(?:[.+-][A-Za-z0-9_]+)*@${DOMAIN}`,
  hostname: `${LABEL}(?:\\.${LABEL}){0,3}`,
  ipv4: `${OCTET}(?:\\.${OCTET}){3}`,
  ipv6: `(?:(?:${GROUP}:){7}${GROUP}|${SHORTENED}|::(?:${GROUP})?)`,
  uri: `(?:https?|ftp)://${DOMAIN}(?::[1-9][0-9]{0,3})?(?:/${PATH_CHARACTER}*)*(?:\\?(?:${PATH_CHARACTER}|/)*)?(?:#(?:${PATH_CHARACTER}|/)*)?`,
  uuid: '[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}',
};
