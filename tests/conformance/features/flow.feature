Feature: Flow
  if, then, switch, for, while, fork, raise and set.

  Scenario Outline: if <condition> on <input>: the task <verdict>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - maybe:
            if: <condition>
            set: {ran: true}
      """
    And the workflow input is:
      """yaml
      <input>
      """
    When the workflow is executed
    Then the workflow should complete
    And maybe should have been <verdict>

    Examples:
      | condition | input | verdict |
      | .go | {go: true} | completed |
      | .go | {go: false} | skipped |
      | .go | {} | skipped |
      | '${ .n > 3 }' | {n: 4} | completed |
      | '${ .n > 3 }' | {n: 3} | skipped |
      | .list == [] | {list: []} | completed |

  Scenario: A skipped task passes its raw input on and exports nothing
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - first: {set: {n: 1}, export: {as: '${ {from: "first"} }'}}
        - maybe:
            if: .n == 2
            input: {from: '{changed: true}'}
            set: {other: true}
            output: {as: '{out: true}'}
            export: {as: '${ {from: "maybe"} }'}
            then: end
        - last: {set: '${ {input: ., context: $context} }'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      input: {n: 1}
      context: {from: first}
      """

  Scenario: An if that fails is the task's error
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - maybe: {if: '.a.b.c', set: {ran: true}}
      """
    And the workflow input is:
      """yaml
      a: text
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/maybe
      """

  Scenario: exit ends the list of its task alone
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - outer:
            do:
              - leave: {set: {left: true}, then: exit}
              - skipped: {set: {left: false}}
        - after: {set: '${ . + {after: true} }'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      left: true
      after: true
      """
    And skipped should run 0 times

  Scenario: exit in a loop goes on with the next round
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - loop:
            for: {in: '[1, 2, 3]'}
            do:
              - odd:
                  switch:
                    - even: {when: '$item == 2', then: exit}
                    - otherwise: {then: add}
              - add: {set: '${ {kept: (.kept + [$item])} }'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      kept: [1, 3]
      """

  Scenario: end completes the workflow from deep inside
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - loop:
            for: {in: '[1, 2, 3]'}
            do:
              - inner:
                  do:
                    - stop: {set: {n: '${ $item }'}, then: end}
        - after: {set: {after: true}}
      output: {as: '{result: .n}'}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      result: 1
      """
    And stop should run 1 times
    And after should run 0 times

  Scenario: then leads back, and a loop of jumps ends by a switch
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - count: {set: {n: '${ (.n // 0) + 1 }'}}
        - enough:
            switch:
              - no: {when: .n < 4, then: count}
              - yes: {then: done}
        - never: {set: {n: -1}}
        - done: {set: {total: '${ .n }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      total: 4
      """
    And count should run 4 times
    And never should run 0 times

  Scenario: A switch without a match goes to its own then and passes its input through
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - pick:
            switch:
              - one: {when: .n == 1, then: end}
            then: last
        - between: {set: {between: true}}
        - last: {set: '${ . + {last: true} }'}
      """
    And the workflow input is:
      """yaml
      n: 2
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 2
      last: true
      """

  Scenario: The first case that holds counts
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - pick:
            switch:
              - big: {when: .n > 10, then: first}
              - bigger: {when: .n > 5, then: second}
        - first: {set: '${ "first" }', then: end}
        - second: {set: '${ "second" }', then: end}
      """
    And the workflow input is:
      """yaml
      n: 11
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      first
      """

  Scenario: A loop's variables are item and index where nothing else is said
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - loop:
            for: {in: .list}
            do:
              - add: {set: {list: '${ .list }', seen: '${ .seen + [[$index, $item]] }'}}
            output: {as: .seen}
      """
    And the workflow input is:
      """yaml
      list: [a, b]
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [[0, a], [1, b]]
      """

  Scenario: while is looked at before each round, with the round's variables
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - loop:
            for: {each: number, in: '[5, 6, 7, 8]', at: place}
            while: $number < 7 and (.sum // 0) < 100
            do:
              - add: {set: {sum: '${ (.sum // 0) + $number }', place: '${ $place }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      sum: 11
      place: 1
      """
    And add should run 2 times

  Scenario: A loop over nothing gives its input
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - loop:
            for: {in: '[]'}
            do:
              - never: {set: {never: true}}
      """
    And the workflow input is:
      """yaml
      kept: 1
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      kept: 1
      """

  Scenario: A loop over what is no list is an error
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - loop:
            for: {in: .n}
            do:
              - never: {set: {never: true}}
      """
    And the workflow input is:
      """yaml
      n: 5
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      status: 400
      instance: /do/0/loop
      """

  Scenario: Inner loops see the outer loop's variables, and a like name hides them
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - outer:
            for: {each: x, in: '[1, 2]'}
            do:
              - inner:
                  for: {each: y, in: '[10, 20]', at: index}
                  do:
                    - add: {set: {list: '${ .list + [$x + $y + $index] }'}}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      list: [11, 22, 12, 23]
      """

  Scenario: A fork gives the outputs in the order of its branches, not of their ends
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - both:
            fork:
              branches:
                - slow: {do: [{pause: {wait: PT5S}}, {one: {set: '${ 1 }'}}]}
                - quick: {set: '${ 2 }'}
                - middle: {do: [{rest: {wait: PT1S}}, {three: {set: '${ 3 }'}}]}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [1, 2, 3]
      """
    And it should have taken PT5S

  Scenario: A branch that fails cancels the others
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - both:
            fork:
              branches:
                - slow: {wait: PT1H}
                - bad: {do: [{pause: {wait: PT2S}}, {complain: {raise: {error: {type: 'https://example.com/e', status: 500}}}}]}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      instance: /do/0/both/fork/branches/1/bad/do/1/complain
      """
    And slow should have been cancelled
    And it should have taken PT2S

  Scenario: The first branch to complete wins, the others are cancelled at once
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - race:
            fork:
              compete: true
              branches:
                - hare: {do: [{nap: {wait: PT1H}}, {h: {set: '${ "hare" }'}}]}
                - tortoise: {do: [{walk: {wait: PT10S}}, {t: {set: '${ "tortoise" }'}}]}
                - ask: {call: http, with: {method: get, endpoint: 'https://shop.example.com/slow'}}
      """
    And GET https://shop.example.com/slow answers:
      """yaml
      never: true
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      tortoise
      """
    And it should have taken PT10S
    And nap should have been cancelled
    And ask should have been cancelled

  Scenario: In a race a branch that fails is only out
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - race:
            fork:
              compete: true
              branches:
                - bad: {raise: {error: {type: 'https://example.com/e', status: 500}}}
                - good: {do: [{walk: {wait: PT1S}}, {g: {set: '${ "good" }'}}]}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      good
      """

  Scenario: A race in which all fail fails with the last error
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - race:
            fork:
              compete: true
              branches:
                - later: {do: [{walk: {wait: PT1S}}, {two: {raise: {error: {type: 'https://example.com/two', status: 500}}}}]}
                - first: {raise: {error: {type: 'https://example.com/one', status: 500}}}
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/two
      """

  Scenario: Branches that call wait beside each other
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - both:
            fork:
              branches:
                - one: {call: http, with: {method: get, endpoint: 'https://shop.example.com/one'}}
                - two: {call: http, with: {method: get, endpoint: 'https://shop.example.com/two'}}
      """
    And GET https://shop.example.com/one answers:
      """yaml
      never: true
      """
    And GET https://shop.example.com/two answers:
      """yaml
      never: true
      """
    When the workflow is started
    Then 2 requests should have been sent
    And the workflow should still be running
    When the requests that wait are answered 200
    Then the workflow should complete with output:
      """yaml
      [{}, {}]
      """

  Scenario: raise names an error of use.errors, with its expressions
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      use:
        errors:
          full: {type: 'https://example.com/full', status: 507, title: Full, detail: '${ "no room for \(.n)" }'}
      do:
        - complain: {raise: {error: full}}
      """
    And the workflow input is:
      """yaml
      n: 3
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/full
      status: 507
      title: Full
      detail: no room for 3
      instance: /do/0/complain
      """

  Scenario Outline: set gives <what>
    Given a workflow with definition:
      """yaml
      document: {dsl: 1.0.0, namespace: own, name: flow, version: 1.0.0}
      do:
        - give: {set: <value>}
      """
    And the workflow input is:
      """yaml
      a: {b: [1, 2]}
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      <output>
      """

    Examples:
      | what | value | output |
      | an expression's value | '${ .a.b }' | [1, 2] |
      | members of any depth | {x: {y: ['${ .a.b[1] }', plain]}} | {x: {y: [2, plain]}} |
      | null for an expression without output | {x: '${ empty }'} | {x: null} |
      | the first of several outputs | {x: '${ 1, 2 }'} | {x: 1} |
      | text with an expression in it as it is | {x: 'n is ${ .a }'} | {x: 'n is ${ .a }'} |
