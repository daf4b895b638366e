// The filters of the table's column headers: as text for the address, as the model of AG Grid, and as what passes.
//
// FIELD~CONDITION~VALUE, with one or two values, or none, as the condition takes; a second condition follows after
// ~~AND~ or ~~OR~. Which values pass is said here as AG Grid says it, since the other views do not ask the table.
(function () {
  "use strict";
  const SEPARATOR = "~";
  const LONGEST_TEXT = 100;
  const JOINTS = { AND: "and", OR: "or" };
  const isBlank = value => value === null || value === undefined || String(value).trim() === "";
  // Of a condition: how it is shown, how many values it takes, and what it tests of a value that is there.
  const NUMBER = {
    equals: ["=", 1, (value, wanted) => value === wanted],
    notEqual: ["≠", 1, (value, wanted) => value !== wanted],
    greaterThan: [">", 1, (value, wanted) => value > wanted],
    greaterThanOrEqual: ["≥", 1, (value, wanted) => value >= wanted],
    lessThan: ["<", 1, (value, wanted) => value < wanted],
    lessThanOrEqual: ["≤", 1, (value, wanted) => value <= wanted],
    inRange: ["between", 2, (value, low, high) => value > low && value < high],
    blank: ["is blank", 0, isBlank],
    notBlank: ["is not blank", 0, value => !isBlank(value)],
  };
  const TEXT = {
    contains: ["contains", 1, (value, wanted) => value.includes(wanted)],
    notContains: ["does not contain", 1, (value, wanted) => !value.includes(wanted)],
    equals: ["=", 1, (value, wanted) => value === wanted],
    notEqual: ["≠", 1, (value, wanted) => value !== wanted],
    startsWith: ["begins with", 1, (value, wanted) => value.startsWith(wanted)],
    endsWith: ["ends with", 1, (value, wanted) => value.endsWith(wanted)],
    blank: ["is blank", 0, isBlank],
    notBlank: ["is not blank", 0, value => !isBlank(value)],
  };
  const KINDS = {
    agNumberColumnFilter: { name: "number", conditions: NUMBER, isPassedByNothing: new Set(["blank"]) },
    agTextColumnFilter: { name: "text", conditions: TEXT, isPassedByNothing: new Set(["blank", "notEqual", "notContains"]) },
  };

  const escape = text => text.replace(/[%~]/g, sign => sign === "%" ? "%25" : "%7E");
  const unescape = text => text.replace(/%(25|7E)/g, (_, code) => code === "25" ? "%" : SEPARATOR);

  function write(field, model) {
    const conditions = (model.conditions ?? [model]).map(({ type, filter, filterTo }) =>
      [type, ...[filter, filterTo].filter(value => value !== null && value !== undefined).map(value => escape(String(value)))]);
    return [field, ...conditions.flatMap((parts, index) => index > 0 ? ["", model.operator, ...parts] : parts)].join(SEPARATOR);
  }

  function readCondition(kind, type, texts) {
    const taken = Object.hasOwn(kind.conditions, type) ? kind.conditions[type][1] : NaN;
    const values = texts.map(text => kind.name === "number" ? Number(text) : unescape(text));
    const isSound = values.every((value, index) => texts[index].trim() !== "" && (kind.name === "text" ? value.length <= LONGEST_TEXT : Number.isFinite(value)));
    if (values.length !== taken || !isSound) {
      return null;
    }
    return { filterType: kind.name, type, ...(taken > 0 && { filter: values[0] }), ...(taken > 1 && { filterTo: values[1] }) };
  }

  // Returns the field and the model of a filter, or null for what is none of a column of these definitions.
  function read(text, definitions) {
    const [field, ...parts] = text.split(SEPARATOR);
    const definition = definitions.find(one => one.field === field);
    const kind = Object.hasOwn(KINDS, definition?.filter) ? KINDS[definition.filter] : null;
    if (!kind) {
      return null;
    }
    const gap = parts.indexOf(""); // no condition and no value is empty
    const operator = gap < 0 ? "AND" : parts[gap + 1];
    const groups = gap < 0 ? [parts] : [parts.slice(0, gap), parts.slice(gap + 2)];
    const conditions = groups.map(([type, ...texts]) => readCondition(kind, type, texts));
    if (conditions.includes(null) || !Object.hasOwn(JOINTS, operator)) {
      return null;
    }
    const model = gap < 0 ? conditions[0] : { filterType: kind.name, operator, conditions };
    return { field, model, title: `${definition.headerName} ${describe(kind, model)}`, passes: value => passes(kind, model, value) };
  }

  function describe(kind, model) {
    return (model.conditions ?? [model])
      .map(({ type, filter, filterTo }) => [kind.conditions[type][0], ...[filter, filterTo].filter(one => one !== undefined)])
      .map(([word, ...values]) => [word, values.join(" and ")].filter(Boolean).join(" "))
      .join(` ${JOINTS[model.operator]} `);
  }

  function passes(kind, model, value) {
    const one = ({ type, filter, filterTo }) => {
      if (value === null || value === undefined) {
        return kind.isPassedByNothing.has(type);
      }
      const lowered = kind.name === "text" ? [value, filter].map(given => String(given ?? "").toLowerCase()) : [value, filter];
      return kind.conditions[type][2](...lowered, filterTo);
    };
    const conditions = model.conditions ?? [model];
    return model.operator === "OR" ? conditions.some(one) : conditions.every(one);
  }

  window.headerFilters = { read, write };
})();
